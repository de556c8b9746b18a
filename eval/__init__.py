"""Evaluation of synthesis, separation and conversion: metrics, statistics, score tables and reports.

* `conversion/`: evaluation of converted voices and melodies: scores, acceptance criteria, studies and the report
* `metrics/`: metrics that compare an estimate with its reference: pure functions on arrays
* `report/`: building blocks of the HTML reports, figures, and exports to LaTeX and Markdown
* `separation/`: evaluation of singing voice separation: scores, studies, tables, sound players and the report
* `synthesis/`: evaluation of synthesised notes: scores, control sweeps, tables and the report
* `acceptance`: acceptance checks that compare the scores of a system with required bounds
* `parts`: evaluations that are computed and saved in parts, so that they can be resumed
* `statistics`: bootstrap confidence intervals and paired tests over scored items
* `table`: summaries and comparisons of systems from one data frame of item scores
"""
