Eq(diff(tanh(s), s), 1 - tanh(s)**2)
Eq(diff(1/(1+exp(-x)), x), sigmoid(x)*(1 - sigmoid(x)))
assert diff(log(x), x) == 1/x
Eq(diff(L, W1[i, j]), x[i] * delta1[j])
Eq(z1[j], Sum(W1[i, j]*x[i], (i, 0, n-1)) + b1[j])
Eq(delta1[i], Sum(W2[i, j]*delta2[j], (j, 1, K)) * (1 - a1[i]**2))
Eq(delta1[i], Sum(W2[j, i]*delta2[j], (j, 1, K)) * (1 - a1[i]**2))
