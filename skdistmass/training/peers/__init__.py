"""Catalogues and relations of others, to stand beside ours."""

from skdistmass.training.peers.read import PeerCatalog, PeerValues, quantity_errors, read_peer
from skdistmass.training.peers.relations import SpooRegressor, martig_regressor

__all__ = [
    "PeerCatalog",
    "PeerValues",
    "SpooRegressor",
    "martig_regressor",
    "quantity_errors",
    "read_peer",
]
