"""Stores each version of an asset as a folder, named by a hash of what it was made from.

* `locks`: file locks, which the operating system releases when the process that holds them ends
* `pointers`: records which version of an asset is current, belongs to an experiment, or is pinned
* `record`: reads the record of a finished version and compares its files with it
* `remote/`: shares a store between machines through a bucket
* `retention`: keeps versions that something refers to; finds all others, and deletes them on request
* `verification`: compares the content of all files of a store with what was recorded of them
* `versions`: makes versions, finds finished ones again, sets damaged ones aside
"""
