z1 = X @ W1 + b1
a1 = np.tanh(z1)
z2 = a1 @ W2 + b2
y_hat = 1 / (1 + np.exp(-z2))
loss = np.sum((y_hat - y)**2) / n
delta2 = 2 * (y_hat - y) * y_hat * (1 - y_hat)
dW2 = a1.T @ delta2 / n
db2 = np.sum(delta2, axis=0) / X.shape[0]
delta1 = (delta2 @ W2.T) * (1 - a1**2)
dW1 = X.T @ delta1 / len(X)
db1 = delta1.mean(axis=0)
assert np.allclose(db1, delta1.sum(axis=0, keepdims=True) / n)
W1 -= lr * dW1
dW1 = delta1.T @ X / n
W2 = W2 - 0.5 * lr * dW2
