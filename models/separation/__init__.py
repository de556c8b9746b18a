"""Singing voice separation: extracts the vocals from a mixture by latent diffusion.

* `published/`: published codecs and separation networks, used alongside the project's own
* `codec`: the project's own codec: encodes waveforms as latent frames and decodes them
* `config`: configuration of the separation system: the settings of every stage
* `consistency`: joins two estimates of the vocals into one that is a part of the mixture
* `cost`: measures the cost of the systems: speed, time to the first output, memory, number of parameters
* `denoiser`: the denoiser: a 1-D U-Net that predicts the velocity v, given latents of what is known
* `describe`: describes a preset: modules, parameters, shapes and operations per second of sound
* `diffusion`: v-diffusion: the noisy latent and the velocity of a noise level, and the clean latent from both
* `estimates`: writes the vocals that each system estimates for the test songs, as shards
* `examples`: training examples of every stage, mixed as they are needed
* `files`: separates an audio file and writes its vocals as a WAV file, or separates an array of samples
* `latents`: normalises latents by a scale that is measured over songs
* `level`: the level that songs have inside the networks
* `load`: loads trained networks from their folders, and builds the separation systems from them
* `losses`: losses of the codec and of the discriminative network
* `mask_network`: the discriminative network: predicts a mask on the mixture's STFT
* `norms`: normalises hidden frames one by one
* `oracles`: ideal masks: separate vocals with a mask computed from the true vocals, as an upper reference
* `overlap`: processes long signals in overlapping chunks that are cross-faded
* `plan`: the trainings of a preset of the separation system, as a plan measures them
* `presets`: named presets of the separation system, and changes to them: another conditioning, a published codec
* `sampler`: DDIM sampler: turns noise into a latent in any number of steps
* `separate`: separates mixtures of any length, chunk by chunk, in limited memory
* `sizes`: sizes of the networks
* `studies`: studies: number of DDIM steps, moving average of the weights, noise in the latents
* `train`: trains the codec and the discriminative network
* `train_denoiser`: trains the denoiser, and the refining network
* `validation`: validates networks on songs that are not trained on
"""
