# One sample at a time, with names of its own.
h1 = np.tanh(W1 @ x + b1)
out = W2 @ h1 + b2
error = out - target
grad_W2 = np.outer(error, h1)
back = W2.T @ error
dz1 = back * (1 - h1 ** 2)
grad_W1 = np.outer(dz1, x)
grad_b1 = back * (1 - h1)
