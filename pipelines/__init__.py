"""What can be launched: definitions, jobs, settings and the command line.

* `cli`: the command `tessitura`: launch, look, play, judge
* `console`: Dagster's messages in the terminal, one short line each
* `definitions`: the one Definitions object: every asset by group, its checks, jobs, schedule, sensor and resources
* `jobs`: what can be launched by intent: a system, a table of a paper, the nightly retraining; and its schedules
* `launch`: starting things: Dagster’s home, a run of the graph, the web UI
* `synthesize`: one note from the model in use
* `recovery`: runs whose process died: told apart by locks that the system drops with a process, and ended in Dagster
* `separate`: vocals out of anybody's music file, with the systems in the store
* `separation_scores`: separation scores told: a table for people, plain values for programs
* `settings`: what the environment says, typed and checked: variables TESSITURA_… or a file .env beside the Makefile
* `status`: what the store holds
* `failures`: what happens when a run fails: a line in failures.jsonl, where a person or a program can see it
"""
