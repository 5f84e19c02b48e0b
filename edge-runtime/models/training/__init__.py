"""One module for each family of models, and what they share: networks, graphs, quantisation, manifests."""
