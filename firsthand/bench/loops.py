"""Equations written down sum by sum, in Python's own numbers: a third opinion, next to central differences and PyTorch.

Each function takes the input, the gradient dy of the output, and the weights, and returns the output and all
gradients. Arrays are lists here, `x[n][c][h][w]`; nothing is vectorised, nothing is reordered.
"""

import math
from typing import Any, TypeAlias

import numpy as np

Lists: TypeAlias = Any  # nested lists of floats


def zeros(*shape: int) -> Lists:
    return np.zeros(shape).tolist()


def linear_loops(x: Lists, dy: Lists, W: Lists, b: Lists) -> list[Lists]:
    """y = x W + b; dx = dy W^T, dW = x^T dy, db = sum of dy."""
    N, I, O = len(x), len(W), len(b)
    y, dx, dW, db = zeros(N, O), zeros(N, I), zeros(I, O), zeros(O)
    for n in range(N):
        for o in range(O):
            y[n][o] = b[o]
            db[o] += dy[n][o]
            for i in range(I):
                y[n][o] += x[n][i] * W[i][o]
                dx[n][i] += dy[n][o] * W[i][o]
                dW[i][o] += x[n][i] * dy[n][o]
    return [y, dx, dW, db]


def conv_loops(x: Lists, dy: Lists, W: Lists) -> list[Lists]:
    """y = W * x without padding, stride 1; each product gives one term of y, of dx and of dW."""
    N, C, H, width = len(x), len(x[0]), len(x[0][0]), len(x[0][0][0])
    O, kh, kw = len(W), len(W[0][0]), len(W[0][0][0])
    y, dx, dW = zeros(N, O, H - kh + 1, width - kw + 1), zeros(N, C, H, width), zeros(O, C, kh, kw)
    for n in range(N):
        for o in range(O):
            for h in range(H - kh + 1):
                for w in range(width - kw + 1):
                    for c in range(C):
                        for i in range(kh):
                            for j in range(kw):
                                y[n][o][h][w] += W[o][c][i][j] * x[n][c][h + i][w + j]
                                dx[n][c][h + i][w + j] += W[o][c][i][j] * dy[n][o][h][w]
                                dW[o][c][i][j] += x[n][c][h + i][w + j] * dy[n][o][h][w]
    return [y, dx, dW]


def max_pool_loops(x: Lists, dy: Lists) -> list[Lists]:
    """y = the largest of each 2 x 2 window, which alone gets dy."""
    N, C, H, width = len(x), len(x[0]), len(x[0][0]), len(x[0][0][0])
    y, dx = zeros(N, C, H // 2, width // 2), zeros(N, C, H, width)
    for n in range(N):
        for c in range(C):
            for h in range(H // 2):
                for w in range(width // 2):
                    places = [(2 * h + i, 2 * w + j) for i in range(2) for j in range(2)]
                    row, column = max(places, key=lambda place: x[n][c][place[0]][place[1]])
                    y[n][c][h][w] = x[n][c][row][column]
                    dx[n][c][row][column] = dy[n][c][h][w]
    return [y, dx]


def softmax_loops(x: Lists, dy: Lists) -> list[Lists]:
    """y_i = e^x_i / sum_j e^x_j; dx_i = y_i (dy_i - sum_j dy_j y_j)."""
    N, K = len(x), len(x[0])
    y, dx = zeros(N, K), zeros(N, K)
    for n in range(N):
        largest = max(x[n])
        total = sum(math.exp(x[n][j] - largest) for j in range(K))
        for i in range(K):
            y[n][i] = math.exp(x[n][i] - largest) / total
        mean = sum(dy[n][j] * y[n][j] for j in range(K))
        for i in range(K):
            dx[n][i] = y[n][i] * (dy[n][i] - mean)
    return [y, dx]


def layer_norm_loops(x: Lists, dy: Lists, gamma: Lists, beta: Lists, eps: float = 1e-5) -> list[Lists]:
    """y = gamma (x - mean) / sigma + beta by row; dx = (g - mean g - xhat mean(g xhat)) / sigma, g = gamma dy."""
    N, D = len(x), len(x[0])
    y, dx, dgamma, dbeta = zeros(N, D), zeros(N, D), zeros(D), zeros(D)
    for n in range(N):
        mean = sum(x[n]) / D
        sigma = math.sqrt(sum((v - mean) ** 2 for v in x[n]) / D + eps)
        xhat = [(v - mean) / sigma for v in x[n]]
        g = [gamma[d] * dy[n][d] for d in range(D)]
        mean_g, mean_gx = sum(g) / D, sum(g[d] * xhat[d] for d in range(D)) / D
        for d in range(D):
            y[n][d] = gamma[d] * xhat[d] + beta[d]
            dx[n][d] = (g[d] - mean_g - xhat[d] * mean_gx) / sigma
            dgamma[d] += dy[n][d] * xhat[d]
            dbeta[d] += dy[n][d]
    return [y, dx, dgamma, dbeta]


def attention_loops(Q: Lists, dO: Lists, K: Lists, V: Lists) -> list[Lists]:
    """O = softmax(Q K^T / sqrt(d)) V for each example; K and V are of the same lengths as Q."""
    N, T, d = len(Q), len(Q[0]), len(Q[0][0])
    O, dQ, dK, dV = (zeros(N, T, d) for _ in range(4))
    for n in range(N):
        for t in range(T):
            scores = [sum(Q[n][t][k] * K[n][s][k] for k in range(d)) / math.sqrt(d) for s in range(T)]
            total = sum(math.exp(score - max(scores)) for score in scores)
            P = [math.exp(score - max(scores)) / total for score in scores]
            dP = [sum(dO[n][t][k] * V[n][s][k] for k in range(d)) for s in range(T)]
            mean = sum(P[s] * dP[s] for s in range(T))
            for s in range(T):
                dscore = P[s] * (dP[s] - mean) / math.sqrt(d)
                for k in range(d):
                    O[n][t][k] += P[s] * V[n][s][k]
                    dV[n][s][k] += P[s] * dO[n][t][k]
                    dQ[n][t][k] += dscore * K[n][s][k]
                    dK[n][s][k] += dscore * Q[n][t][k]
    return [O, dQ, dK, dV]


def rnn_loops(x: Lists, dh: Lists, W: Lists, U: Lists, b: Lists) -> list[Lists]:
    """h_t = tanh(x_t W + h_{t-1} U + b), h_0 = 0; backwards in time, da_t = (dh_t + da_{t+1} U^T) (1 - h_t^2)."""
    N, T, I, H = len(x), len(x[0]), len(W), len(U)
    h, dx, dW, dU, db = zeros(N, T, H), zeros(N, T, I), zeros(I, H), zeros(H, H), zeros(H)
    for n in range(N):
        for t in range(T):
            for j in range(H):
                a = b[j] + sum(x[n][t][i] * W[i][j] for i in range(I))
                if t:
                    a += sum(h[n][t - 1][i] * U[i][j] for i in range(H))
                h[n][t][j] = math.tanh(a)
        later = [0.0] * H
        for t in reversed(range(T)):
            da = [(dh[n][t][j] + later[j]) * (1 - h[n][t][j] ** 2) for j in range(H)]
            for j in range(H):
                db[j] += da[j]
                for i in range(I):
                    dW[i][j] += x[n][t][i] * da[j]
                    dx[n][t][i] += W[i][j] * da[j]
                for i in range(H):
                    dU[i][j] += (h[n][t - 1][i] if t else 0.0) * da[j]
            later = [sum(U[i][j] * da[j] for j in range(H)) for i in range(H)]
    return [h, dx, dW, dU, db]
