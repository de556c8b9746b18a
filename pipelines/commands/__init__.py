"""The commands of `tessitura`, grouped by purpose.

* `conversion_scoring`: commands that score converted voices and melodies, from any system
* `converting`: commands that convert a song to another voice, and extract its melody
* `exporting`: commands that copy a report or a model out of the store, and compare two reports
* `listening`: commands for listening tests: export, and judging what listeners sent back
* `making`: commands that make results: the demo, a system, an experiment; and the web UI
* `output`: prints the results of commands as JSON, for programs
* `planning`: the command that says what a run will cost before it starts
* `playing`: commands that use trained models: synthesise a note, separate a song; and describe a preset
* `scoring`: commands that score any audio, from any system, with all metrics
* `storing`: commands for the store: status, reports, experiments, pins, garbage collection, waivers
"""
