"""Registers all declared assets by name."""

from assets.conversion import champion as conversion_champion
from assets.conversion import evaluation as conversion_evaluation
from assets.conversion import listening as conversion_listening
from assets.conversion import report as conversion_report
from assets.conversion import scores as conversion_scores
from assets.conversion import stages as conversion_stages
from assets.conversion import studies as conversion_studies
from assets.datasets import musdb, nsynth, ratings, voices
from assets.declaration import Registry
from assets.separation import champion as separation_champion
from assets.separation import evaluation as separation_evaluation
from assets.separation import listening as separation_listening
from assets.separation import report as separation_report
from assets.separation import stages as separation_stages
from assets.separation import studies as separation_studies
from assets.synthesis import champion as synthesis_champion
from assets.synthesis import evaluation as synthesis_evaluation
from assets.synthesis import listening as synthesis_listening
from assets.synthesis import report as synthesis_report
from assets.synthesis import stages as synthesis_stages

REGISTRY = Registry.of(
    ratings,
    nsynth,
    synthesis_stages,
    synthesis_evaluation,
    synthesis_listening,
    synthesis_champion,
    synthesis_report,
    musdb,
    separation_stages,
    separation_evaluation,
    separation_studies,
    separation_listening,
    separation_champion,
    separation_report,
    voices,
    conversion_stages,
    conversion_evaluation,
    conversion_scores,
    conversion_studies,
    conversion_listening,
    conversion_champion,
    conversion_report,
)
