// @ts-check
// Steps along a gradient, as torch.optim takes them.

/** @typedef {(theta: Float64Array, gradient: Float64Array, rate: number) => void} Step changes theta */

/**
 * Plain gradient descent.
 * @returns {Step}
 */
export function sgd() {
  return (theta, gradient, rate) => {
    for (let i = 0; i < theta.length; i++) theta[i] -= rate * gradient[i];
  };
}

/**
 * Adam (Kingma & Ba 2015, ICLR) with the usual β of 0.9 and 0.999 and an ε of 1e-8.
 * @param {number} size of theta
 * @returns {Step}
 */
export function adam(size) {
  const [mean, square] = [new Float64Array(size), new Float64Array(size)];
  const [beta1, beta2, epsilon] = [0.9, 0.999, 1e-8];
  let step = 0;
  return (theta, gradient, rate) => {
    step += 1;
    const [bias1, bias2] = [1 - beta1 ** step, 1 - beta2 ** step];
    for (let i = 0; i < size; i++) {
      mean[i] = beta1 * mean[i] + (1 - beta1) * gradient[i];
      square[i] = beta2 * square[i] + (1 - beta2) * gradient[i] ** 2;
      theta[i] -= ((rate / bias1) * mean[i]) / (Math.sqrt(square[i] / bias2) + epsilon);
    }
  };
}
