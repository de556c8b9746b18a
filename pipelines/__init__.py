"""What can be launched: definitions, jobs, settings and the command line.

* `commands/`: the commands of `tessitura`, by what people want to do
* `cli`: the command `tessitura`: launch, look, play, judge
* `console`: Dagster's messages in the terminal, one short line each
* `definitions`: the one Definitions object: every asset by group, its checks, jobs, sensors and executor
* `execution`: how runs are executed: a process a step, and a lock that tells whether a run still lives
* `experiments`: the experiments of a preset: what each overrides, and how its scores differ from those in use
* `failures`: what happens when a run fails: a line in failures.jsonl, where a person or a program can see it
* `jobs`: what can be launched by intent: a system, all of them, its ablations, an experiment
* `launch`: starting things: Dagster's home, a run of the graph, the web UI
* `nightly`: nightly retraining, declared: on its cron, what is stale, parents first, never two at once
* `recovery`: runs whose process died: told apart by locks that the system drops with a process, and ended in Dagster
* `separate`: vocals out of anybody's music file, with the systems in the store
* `separation_scores`: separation scores for the terminal: a table for people, plain values for programs
* `settings`: what the environment says, typed and checked: variables TESSITURA_… or a file .env beside the Makefile
* `status`: what the store holds
* `synthesize`: one note from the model in use
* `waiving`: waivers written for a developer: which assets' code differs from that of a revision
"""
