"""The commands of `tessitura`, by what people want to do.

* `making`: make things: the demo, a system, an experiment, the web UI
* `output`: how commands print: for people, or as JSON for programs
* `playing`: use what was trained: play a note, separate a song, describe a preset
* `scoring`: judge anybody's audio with every metric
* `storing`: look after the store: what is in it, reports, experiments, pins, what can be collected, waivers
"""
