"""The published recipes: training sets from a survey table, and models from training sets."""

from skdistmass.training.distance_set import distance_training_set
from skdistmass.training.mass_set import mass_training_set
from skdistmass.training.recipes import split_by_star, train_distance, train_mass
from skdistmass.training.trained_model import TrainedModel
from skdistmass.training.training_set import ClusterMembers, Step, TrainingSet

__all__ = [
    "ClusterMembers",
    "Step",
    "TrainedModel",
    "TrainingSet",
    "distance_training_set",
    "mass_training_set",
    "split_by_star",
    "train_distance",
    "train_mass",
]
