"""Which chapter of a report tells about an asset or a source, so that its page leads there."""

_SUMMARY, _MEASURED, _ORIGIN = "summary", "methods", "provenance"  # ids of what every report has
_TRAINING, _LISTEN, _TESTS, _COST = "Training", "Listen", "Listening tests", "Cost"
_COMPARED, _MELODY, _VOICES = "Systems compared", "Melody alone", "Converted voices"

# Title of the chapter, or one of the ids above, by the name of the asset or source.
CHAPTERS = {
    "nsynth_source": _ORIGIN,
    "musdb_source": _ORIGIN,
    "voices_source": _ORIGIN,
    "listening_results": _TESTS,
    "listening_ratings": _TESTS,
    "nsynth_shards": _ORIGIN,
    "synthesis_autoencoder": _TRAINING,
    "synthesis_embeddings": _TRAINING,
    "synthesis_sequence": _TRAINING,
    "synthesis_model": _TRAINING,
    "synthesis_wavenet": _TRAINING,
    "synthesis_notes": _LISTEN,
    "synthesis_baseline_notes": _LISTEN,
    "synthesis_scores": _COMPARED,
    "synthesis_baseline_scores": _COMPARED,
    "synthesis_instrument_map": "Instruments as learnt",
    "synthesis_sweeps": "Control",
    "synthesis_disentanglement": "Control",
    "synthesis_cost": "The paper's tables",
    "synthesis_champion": _TRAINING,
    "synthesis_listening_tests": _TESTS,
    "musdb_tracks": _ORIGIN,
    "separation_songs": _ORIGIN,
    "separation_embedded_songs": _ORIGIN,
    "separation_codec": _TRAINING,
    "separation_latent_scale": _TRAINING,
    "separation_denoiser": _TRAINING,
    "separation_mask_network": _TRAINING,
    "separation_refiner": _TRAINING,
    "separation_vocals": _LISTEN,
    "separation_baseline_vocals": _LISTEN,
    "separation_scores": _COMPARED,
    "separation_baseline_scores": _COMPARED,
    "separation_validation": "Champion",
    "separation_champion": "Champion",
    "separation_steps_study": "Steps of DDIM",
    "separation_average_study": "Moving average",
    "separation_noise_study": "Noise on the latent",
    "separation_cost": _COST,
    "separation_listening_tests": _TESTS,
    "voices_clips": _ORIGIN,
    "conversion_targets": _MEASURED,
    "conversion_mixtures": _MEASURED,
    "conversion_encoder": _TRAINING,
    "conversion_melody": _TRAINING,
    "conversion_content": _TRAINING,
    "conversion_features": _TRAINING,
    "conversion_acoustic": _TRAINING,
    "conversion_pitched_acoustic": _TRAINING,
    "conversion_vocoder": _TRAINING,
    "conversion_predicted": _TRAINING,
    "conversion_tuned_vocoder": _TRAINING,
    "conversion_melodies": "Melodies over each other",
    "conversion_baseline_melodies": _MELODY,
    "conversion_melody_scores": _MELODY,
    "conversion_baseline_melody_scores": _MELODY,
    "conversion_converted": _LISTEN,
    "conversion_baseline_converted": _LISTEN,
    "conversion_scores": _VOICES,
    "conversion_baseline_scores": _VOICES,
    "conversion_copies": "Vocoder",
    "conversion_vocoder_scores": "Vocoder",
    "conversion_layer_weights": "Layer weights",
    "conversion_length_study": "Length of fine-tuning",
    "conversion_target_study": "Several target singers",
    "conversion_cost": _COST,
    "conversion_champion": _TRAINING,
    "conversion_listening_tests": _TESTS,
}
_SYSTEMS = ("synthesis", "separation", "conversion")
# The systems whose reports tell about data.
_SYSTEMS_OF_DATA = {
    **dict.fromkeys(("nsynth_source", "nsynth_shards"), _SYSTEMS[:1]),
    **dict.fromkeys(("musdb_source", "musdb_tracks"), _SYSTEMS[1:2]),
    **dict.fromkeys(("voices_source", "voices_clips"), _SYSTEMS[2:]),
    **dict.fromkeys(("listening_results", "listening_ratings"), _SYSTEMS),
}
_IDS = (_SUMMARY, _MEASURED, _ORIGIN)


def places_of(name: str, group: str) -> list[tuple[str, str]]:
    """Return the systems whose reports tell about an asset or a source, and the chapter as the fragment of an address.

    Args:
        name: name of the asset or source.
        group: group of the asset: the name of its system, or "data".

    Returns:
        Pairs of system and fragment; empty if no report tells about it. The fragment is "" without a chapter.

    Example:
        >>> places_of("synthesis_model", "synthesis")
        [('synthesis', 's-training')]
    """
    from eval.report.document import Section

    systems = _SYSTEMS_OF_DATA.get(name, () if group == "data" else (group,))
    title = CHAPTERS.get(name, "")
    fragment = title if title in _IDS or not title else Section(title, []).anchor
    return [(system, fragment) for system in systems]
