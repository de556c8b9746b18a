"""Building blocks of the HTML reports, charts, and exports to LaTeX and Markdown.

* `axes`: axes of charts: where a value lies, and which ticks are told
* `blocks`: the plain blocks of a report: text, tables, sounds with their spectrograms, players
* `curves`: charts of curves in panels
* `difference`: compares two reports by their numbers
* `document`: a report: its sections of blocks, and their rendering to one HTML file
* `excerpts`: excerpts of long sounds for the players: which are chosen, from where, how long, and how loud
* `exports`: exports of report tables to LaTeX and Markdown, and model cards for model hubs
* `figures`: figures for the web UI, as matplotlib figures, and spectrograms, as PNG
* `front`: the front of a report: what was done, the numbers that matter, a verdict, a sound
* `inline`: HTML pages that hold everything they show, under a content security policy
* `maps`: maps that are played like instruments: a click on a point plays a chosen voice at a chosen pitch
* `naming`: names of systems with their setting, the same wherever a report names a system
* `numbers`: numbers as text, to the digits that their interval deserves
* `palette`: which colour, shape and dash each system has in all charts, players, tables and maps
* `spreads`: charts of how values spread over items
* `training`: charts of training histories
* `writing`: writes the page, with its sounds in it or beside it, its front and its tables
"""
