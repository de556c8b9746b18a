"""Dagster definitions, jobs and settings, and the command line program `tessitura`.

* `commands/`: the commands of `tessitura`, grouped by purpose
* `homes/`: where the graph runs: a laptop, a server, a Ray cluster, Kubernetes
* `planning/`: what a run will cost before it starts: hours, memory and disk, here and on a GPU
* `portable/`: exports trained models as folders that need nothing of this project
* `versions/`: puts versions of a system side by side on a page
* `reports/`: the folder of exported reports: dated copies, an index page, a web server
* `alive`: locks that show that a run or the web UI is alive
* `building`: refuses to build a wheel, whose packages would collide with those of others
* `children`: starts child processes that end with this one, however it ends, and get its stop signals
* `cli`: the command line program `tessitura`
* `console`: shows a run in the terminal: live bars, or one short line a message
* `convert`: converts the singing in any music file with a trained system, and extracts its melody
* `definitions`: builds the Dagster definitions: assets, checks, jobs, sensors, executor
* `docstrings`: has the Python reference show the examples of docstrings as code
* `documentation`: pages of the documentation site that are made of the code
* `digest`: the monthly digest: champions, their scores, what changed; a page and a notice
* `execution`: executes runs with one process per step, and a lock that shows whether the run is alive
* `experiments`: lists the experiments of a preset, compares their scores with those in use, and forgets experiments
* `failures`: says why a run failed or stopped, and records failed runs in failures.jsonl
* `jobs`: the jobs: a system, all systems, the ablations and the experiments of a system
* `launch`: runs everything that a target needs, and prepares Dagster's home
* `listening`: copies listening tests out of the store, and prints what listeners said
* `nightly`: nightly retraining: requests stale assets and everything made from them, at most once per night
* `notices`: sends notices by e-mail or web hook, to where TESSITURA_NOTIFY says
* `recovery`: detects runs whose process died, by their locks, and marks them as failed in Dagster
* `results`: takes new results of listening tests
* `running`: runs a job in this process, as a run that the web UI shows among its own
* `seeds`: trains a system from several seeds, and says how much its scores depend on the seed
* `separate`: separates the vocals of any music file with a trained system
* `separation_scores`: formats separation scores as a text table, or as values for JSON
* `services`: the programs of the web UI: code server, web server, daemon
* `serving`: opens the web UI, and ends everything that it started
* `settings`: reads and checks the settings: environment variables TESSITURA_… or a file .env beside the Makefile
* `status`: lists the current versions in the store, finds the slot of an asset, tells which work would be resumed
* `synthesize`: synthesises notes, chords and MIDI files with the model in use
* `threads`: how the threads of a training wait for each other
* `upkeep`: verifies the store and deletes garbage, in the local folder and in a bucket
* `variables`: checks the names of environment variables and reads the names that a file .env sets
* `waiving`: writes waivers for the assets whose code differs from that of a git revision
"""
