"""What a run will cost before it starts: hours, memory and disk, here and on a GPU, and whether the disk has room.

* `disk`: how many bytes the assets with data take
* `gpus`: published peak figures of GPUs, and what share of them is assumed
* `plan`: measures the trainings of a preset, and puts hours, memory and disk together
* `room`: refuses a run that does not fit the disk
* `volume`: how much data there is: counted where it lies, else the published size
"""
