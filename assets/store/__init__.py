"""The store: every version of every asset as a folder, named by what it was made from.

* `locks`: locks that the system drops with the process that holds them
* `pointers`: which version of an asset is current, which belong to an experiment, which are pinned
* `retention`: what is referred to and stays, what is not and may be collected
* `versions`: versions made, found again, judged by their files, set aside
"""
