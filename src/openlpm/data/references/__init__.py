"""Pictures of the same person from other moments: what a model is shown of somebody before it acts them."""
