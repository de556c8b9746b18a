"""Registers all declared assets by name."""

from assets.datasets import musdb, nsynth
from assets.declaration import Registry
from assets.separation import evaluation as separation_evaluation
from assets.separation import report as separation_report
from assets.separation import stages as separation_stages
from assets.separation import studies as separation_studies
from assets.synthesis import champion as synthesis_champion
from assets.synthesis import evaluation as synthesis_evaluation
from assets.synthesis import report as synthesis_report
from assets.synthesis import stages as synthesis_stages

REGISTRY = Registry.of(
    nsynth,
    synthesis_stages,
    synthesis_evaluation,
    synthesis_champion,
    synthesis_report,
    musdb,
    separation_stages,
    separation_evaluation,
    separation_studies,
    separation_report,
)
