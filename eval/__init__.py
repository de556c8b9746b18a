"""How sound, embeddings and systems are judged.

* `metrics/`: metrics as pure functions: arrays in, a number out, reference first
* `report/`: the report: its blocks, its figures, the page, and the same content for other programs
* `separation/`: separated songs judged: scores, studies, tables, players, and the separation report
* `synthesis/`: synthesised notes judged: scores, controls, tables, and the synthesis report
* `acceptance`: what a system was asked to reach, and whether its scores show that it does
* `parts`: evaluations in parts, each kept as soon as it is finished
* `statistics`: intervals and paired tests over judged items
* `table`: scores of single items, gathered: any aggregate is a query over one tidy frame
"""
