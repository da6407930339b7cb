r"""Upper bounds in closed form: on the size of a step, as printed and as derived in the design, and on regret."""

import math


def printed_step(beta1: float, beta2: float) -> float:
    """Section 2.1, in units of alpha: the first bound where it is above 1, else 1."""
    return max((1 - beta1) / math.sqrt(1 - beta2), 1.0)


def largest_step(beta1: float, beta2: float) -> float:
    r"""The least upper bound of Adam's step in units of alpha:

    $$\frac{1 - \beta_1}{\sqrt{(1 - \beta_2)(1 - \beta_1^2 / \beta_2)}}$$

    By the inequality of Cauchy and Schwarz; approached by gradients that grow by \(\beta_2 / \beta_1\) a step. Raises
    ValueError unless \(\beta_1^2 < \beta_2\): else there is none.
    """
    if beta1 * beta1 >= beta2:
        raise ValueError(f"largest_step: beta1^2 is {beta1 * beta1} and beta2 {beta2}, expected less")
    return (1 - beta1) / math.sqrt((1 - beta2) * (1 - beta1 * beta1 / beta2))


def largest_adamax_step(beta1: float, beta2: float) -> float:
    r"""The same for AdaMax, \((1 - \beta_1) / (1 - \beta_1 / \beta_2)\), by gradients that fade by \(\beta_2\)."""
    if beta1 >= beta2:
        raise ValueError(f"largest_adamax_step: beta1 is {beta1} and beta2 {beta2}, expected less")
    return (1 - beta1) / (1 - beta1 / beta2)


def regret(
    rounds: int,
    v_hat: float,
    squares: float,
    *,
    alpha: float,
    beta1: float,
    beta2: float,
    diameter: float,
    steepest: float,
    decay: float,
) -> float:
    r"""The right side of theorem 4.1 in one dimension, after T rounds.

    $$\frac{D^2 \sqrt{T \hat v_T}}{2 \alpha (1 - \beta_1)}
      + \frac{\alpha (1 + \beta_1) G_\infty \lVert g_{1:T} \rVert}{(1 - \beta_1) \sqrt{1 - \beta_2} (1 - \gamma)^2}
      + \frac{D^2 G_\infty \sqrt{1 - \beta_2}}{2 \alpha (1 - \beta_1)(1 - \lambda)^2} \qquad
      \gamma = \frac{\beta_1^2}{\sqrt{\beta_2}}$$

    `squares` is the sum of all squared gradients, `steepest` the largest gradient, `decay` the theorem's lambda. The
    last line of the paper's proof has another denominator in the third term; this is the theorem as stated.
    """
    gamma = beta1 * beta1 / math.sqrt(beta2)
    first = diameter**2 * math.sqrt(rounds * v_hat) / (2 * alpha * (1 - beta1))
    second = alpha * (1 + beta1) * steepest * math.sqrt(squares)
    second /= (1 - beta1) * math.sqrt(1 - beta2) * (1 - gamma) ** 2
    third = diameter**2 * steepest * math.sqrt(1 - beta2) / (2 * alpha * (1 - beta1) * (1 - decay) ** 2)
    return first + second + third
