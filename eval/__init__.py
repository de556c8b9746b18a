"""Evaluation of synthesis, separation and conversion: metrics, statistics, score tables and reports.

* `conversion/`: evaluation of converted voices and melodies: scores, acceptance criteria, studies and the report
* `listening/`: listening tests: planning, the page for listeners, results, statistics, tables
* `metrics/`: metrics that compare an estimate with its reference: pure functions on arrays
* `report/`: building blocks of the HTML reports, figures, and exports to LaTeX and Markdown
* `separation/`: evaluation of singing voice separation: scores, studies, tables, sound players and the report
* `synthesis/`: evaluation of synthesised notes: scores, control sweeps, tables and the report
* `acceptance`: acceptance checks that compare the scores of a system with required bounds
* `intervals`: 95 % confidence intervals of means, ratios of means and medians
* `parts`: evaluations that several processes compute in parts, which are saved, so that they can be resumed
* `statistics`: paired tests over scored items, corrected for their number
* `table`: summaries and comparisons of systems from one data frame of item scores
"""
