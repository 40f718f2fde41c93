"""Mathematics: from a network spec to a justified, checked derivation of its gradients."""
