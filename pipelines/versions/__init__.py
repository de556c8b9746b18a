"""Puts versions of a system side by side: what they were made from, their training, their scores, their sounds.

* `lineage`: finds an evaluated version by name or key, and everything that it was made from
* `measures`: what is compared of each system: its scores, the items they are paired by, its sounds
* `page`: the page that shows the versions side by side
* `sounds`: the same items as players: the recording, and what each version made of it
"""
