"""Listening tests: planning, the page for listeners, results, statistics and tables.

* `agreement`: agreement between listeners (Krippendorff's alpha)
* `choices`: choices between two sounds: exact binomial tests, preferences
* `correlation`: which metrics agree with listeners
* `design`: what a test consists of: items, settings, sounds, trials, forms
* `items`: chooses the items of a test, without looking at their scores
* `kinds`: the kinds of test: what is played, asked and answered
* `opinion`: mean opinion scores with the intervals of CrowdMOS
* `page`: the page for listeners, one HTML file
* `plan`: plans a test: trials, orders, ids that tell nothing
* `power`: how many listeners a test needs
* `ratings`: what listeners said, as tables that are written and read
* `results`: collects results from a folder, with a quarantine of those that cannot be used
* `screening`: leaves out listeners by the rules of CrowdMOS and BS.1534
* `stimuli`: prepares sounds: cut, faded, equally loud; anchors and damaged sounds
* `tables`: tables of a report
* `webmushra`: writes and reads tests of the server webMUSHRA
* `write`: writes a test into a folder: page, key, instructions
"""
