"""Shares a store between machines through a bucket of S3; every machine keeps a bounded local copy of what it uses.

* `cache`: copies finished versions from the bucket to the local folder, and deletes those used least recently
* `checkpoints`: copies unfinished versions to the bucket at each checkpoint, and back on another machine
* `leases`: locks that hold across machines, with a heartbeat and a number that grows with every holder
* `objects`: reads and writes objects of a bucket, also on condition that nobody else has changed them
* `pointing`: reads and moves the pointers of a bucket, and its pins
* `shared`: makes, finds and publishes versions of a store that several machines share
* `upkeep`: verifies a bucket, and deletes what nothing in it refers to
* `uploading`: copies finished versions to the bucket, their record last
"""
