"""Training: sets of labelled stars, the published recipes, and trained models with cards and metrics."""

from skdistmass.training.anchors import Anchors, add_anchors, anchor_table
from skdistmass.training.distance_set import distance_training_set
from skdistmass.training.funnel import Step
from skdistmass.training.mass_set import mass_training_set
from skdistmass.training.recipes import train_age, train_distance, train_mass
from skdistmass.training.split import split_by_star
from skdistmass.training.trained_model import TrainedModel
from skdistmass.training.training_set import ClusterMembers, TrainingSet

__all__ = [
    "Anchors",
    "ClusterMembers",
    "Step",
    "TrainedModel",
    "TrainingSet",
    "add_anchors",
    "anchor_table",
    "distance_training_set",
    "mass_training_set",
    "split_by_star",
    "train_age",
    "train_distance",
    "train_mass",
]
