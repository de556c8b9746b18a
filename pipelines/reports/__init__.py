"""The folder of exported reports: dated copies that stay whatever becomes of the store, an index page, a web server.

    reports/                                             the setting TESSITURA_REPORTS
        index.html                                       all reports of all systems, presets and experiments
        2026-11-29-060117-separation-small-3f2a9c01/     one report: its files and export.json; never changed again
        latest/separation-small                          link to the newest report of this system and preset

* `archive`: writes an exported report, its tables and its sounds into one ZIP file
* `chapters`: which chapter of a report tells about an asset
* `export`: copies a report from the store into the folder
* `folder`: reads what has been exported, and writes the index page and the links to the newest reports
* `glance`: what the page over all reports shows of a report at a glance
* `run`: exports the report that a run made or found, and links to it in the web UI
* `server`: serves the folder on 127.0.0.1 while the web UI is open
"""
