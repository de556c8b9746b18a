"""Separation: vocals out of a mixture by latent diffusion.

* `published/`: networks that others have published, as codecs and separators beside our own
* `codec`: the codec of our own: sound to latent frames and back, fully convolutional
* `config`: configurations of the separation system: sizes of its networks, and all that decides each stage
* `cost`: what the separation systems cost: speed, first sound, memory against length, size
* `denoiser`: the denoiser: a 1-D U-Net over latent frames that sees the mixture's latent and predicts v
* `describe`: a preset in numbers: modules, parameters, shapes and arithmetic per second of sound
* `diffusion`: v-diffusion: noise levels, the noisy latent, and what the network is asked for
* `estimates`: what every system makes of the test songs, in shards
* `files`: a song file in, a file of its vocals out: any rate, channels and length
* `latents`: songs as latent frames, in shards, and the scale of each channel
* `load`: trained networks taken from their folders, and the systems made of them
* `losses`: losses of the codec and of the discriminative network
* `mask_network`: the discriminative network beside the generative one: a mask on the mixture's STFT
* `oracles`: ideal masks: how far masking could go if the answer were known
* `overlap`: long sound in pieces that overlap, cross-faded
* `presets`: the named presets of the separation system, its variants, and published codecs in the place of its own
* `sampler`: DDIM: from noise to a latent in any number of steps
* `separate`: vocals out of a mixture of any length, in bounded memory
* `studies`: studies: how many steps the system needs, and how exact its latents have to be
* `train`: training of the codec, of the denoiser and of the discriminative network
"""
