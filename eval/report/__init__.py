"""Building blocks of the HTML reports, figures, and exports to LaTeX and Markdown.

* `difference`: compares two reports by their numbers
* `curves`: line charts as inline SVG, one line for each system
* `document`: the blocks of a report (text, tables, pictures, sound players, maps) and their rendering to one HTML file
* `excerpts`: excerpts of long sounds for the players: which are chosen, from where, how long, and how loud
* `exports`: exports of report tables to LaTeX and Markdown, and model cards for model hubs
* `figures`: figures of scores, training histories and spectrograms, as matplotlib figures and PNG
* `front`: the front of a report: what was done, the numbers that matter, a verdict, a sound
* `inline`: HTML pages that hold everything they show, under a content security policy
"""
