"""Dense networks, compiled: in one pass over the table in cache-sized blocks.

The loss of ``n`` stars is

    L(theta) = sum_i w_i rho(f_theta(x_i) - y_i)

with rho(r) = r ** 2 or, for |r| beyond ``delta``, Huber's linear continuation 2 delta |r| - delta ** 2.
``theta`` holds kernels (n_in, n_out) and biases of all layers, flat, in Keras's order. Inside a block
features and neurons run down and stars across, so every inner loop is one vector operation on `BLOCK` stars.
All sums are float64 and their order depends only on the table: the result changes neither with the number
of threads nor with what has been compiled before. The output of a network is worked out in the operations,
and the order, of `skdistmass.networks.forward`, to the last bit.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from skdistmass.compiled import OPTIONS, entry_point
from skdistmass.networks.activation_kernel import BLOCK, _activate, _fill, _inlined, _times_slope

# Rows whose sums are kept apart; threads take whole chunks.
CHUNK_ROWS = 8192
SQUARED_ERROR = 1e30  # a Huber threshold no residual reaches

# Sums over stars may be reordered, so that they run in vectors; infinities and NaN stay what they are.
_reordered = numba.njit(forceinline=True, fastmath={"reassoc", "contract", "nsz"}, **OPTIONS)


@_inlined
def _combine_two(factors, first, second, stride, rows, out, other):
    """Add the rows, each times its factor, to two sums; four at a time, to read and write less often."""
    i = 0
    while i + 4 <= len(rows):
        at, beside = first + stride, second + stride
        f0, f1, f2, f3 = factors[first], factors[at], factors[at + stride], factors[at + 2 * stride]
        g0, g1 = factors[second], factors[beside]
        g2, g3 = factors[beside + stride], factors[beside + 2 * stride]
        zero = f0 == 0.0 and f1 == 0.0 and f2 == 0.0 and f3 == 0.0  # two networks side by side
        if not (zero and g0 == 0.0 and g1 == 0.0 and g2 == 0.0 and g3 == 0.0):
            r0, r1, r2, r3 = rows[i], rows[i + 1], rows[i + 2], rows[i + 3]
            for b in range(BLOCK):
                out[b] = (((out[b] + f0 * r0[b]) + f1 * r1[b]) + f2 * r2[b]) + f3 * r3[b]
                other[b] = (((other[b] + g0 * r0[b]) + g1 * r1[b]) + g2 * r2[b]) + g3 * r3[b]
        i, first, second = i + 4, first + 4 * stride, second + 4 * stride
    while i < len(rows):
        f0, g0, row = factors[first], factors[second], rows[i]
        for b in range(BLOCK):
            out[b] += f0 * row[b]
            other[b] += g0 * row[b]
        i, first, second = i + 1, first + stride, second + stride


@_inlined
def _combine(factors, offset, between, stride, rows, sums):
    """Add the rows, each times its factor, to each of the sums, whose factors begin `between` apart."""
    j = 0
    while j + 2 <= len(sums):
        first = offset + j * between
        _combine_two(factors, first, first + between, stride, rows, sums[j], sums[j + 1])
        j += 2
    if j < len(sums):
        total = sums[j]
        for i in range(len(rows)):
            factor, row = factors[offset + j * between + i * stride], rows[i]
            for b in range(BLOCK):
                total[b] += factor * row[b]


@_reordered
def _products(row, rows, out, offset):
    """Add the scalar products of a row with others to `out`, four at a time."""
    j = 0
    while j + 4 <= len(rows):
        r0, r1, r2, r3 = rows[j], rows[j + 1], rows[j + 2], rows[j + 3]
        p0 = p1 = p2 = p3 = 0.0
        for b in range(BLOCK):
            p0 += row[b] * r0[b]
            p1 += row[b] * r1[b]
            p2 += row[b] * r2[b]
            p3 += row[b] * r3[b]
        out[offset + j] += p0
        out[offset + j + 1] += p1
        out[offset + j + 2] += p2
        out[offset + j + 3] += p3
        j += 4
    while j < len(rows):
        other, product = rows[j], 0.0
        for b in range(BLOCK):
            product += row[b] * other[b]
        out[offset + j] += product
        j += 1


@_inlined
def _dense(theta, offset, inputs, outputs):
    """Sum up the inputs of a layer, whose weights begin at `offset`, before its activation."""
    n_in, n_out = len(inputs), len(outputs)
    for j in range(n_out):
        _fill(outputs[j], 0, theta[offset + n_in * n_out + j])
    _combine(theta, offset, 1, n_out, inputs, outputs)


@_inlined
def _forward(theta, sizes, code, layers, slopes):
    """Run a block, whose features stand in the first layer, through the network."""
    offset, last = 0, len(sizes) - 2
    for layer in range(last + 1):
        n_in, n_out = sizes[layer], sizes[layer + 1]
        inputs, outputs = layers[layer, :n_in], layers[layer + 1, :n_out]
        _dense(theta, offset, inputs, outputs)
        if layer < last:
            _activate(code, outputs, slopes[layer + 1, :n_out])
        offset += (n_in + 1) * n_out


@_inlined
def _errors_before(theta, offset, error, before):
    """Carry derivatives by the outputs of a layer, whose weights begin at `offset`, to its inputs."""
    for i in range(len(before)):
        _fill(before[i], 0, 0.0)
    _combine(theta, offset, len(error), 1, error, before)


@_inlined
def _backward(theta, sizes, code, layers, slopes, errors, ones, gradient):
    """Add the gradient of a block; ``errors[0, 0]`` has the derivative of its loss by the output."""
    offset = len(theta)
    _fill(ones, 0, 1.0)
    for layer in range(len(sizes) - 2, -1, -1):
        n_in, n_out = sizes[layer], sizes[layer + 1]
        offset -= (n_in + 1) * n_out
        side = (len(sizes) - layer) % 2
        error = errors[side, :n_out]
        _products(ones, error, gradient, offset + n_in * n_out)
        for i in range(n_in):
            _products(layers[layer, i], error, gradient, offset + i * n_out)
        if layer > 0:
            _errors_before(theta, offset, error, errors[1 - side, :n_in])
            for i in range(n_in):
                _times_slope(code, errors[1 - side, i], layers[layer, i], slopes[layer, i])


@_inlined
def _loss_of_block(output, target, weight, delta, error, loss):
    """Leave the loss of each star of a block in `loss` and its derivative by the output in `error`."""
    for b in range(len(target)):
        residual = output[b] - target[b]
        size = abs(residual)
        inlier = min(size, delta)
        loss[b] = weight[b] * inlier * (2.0 * size - inlier)
        error[b] = 2.0 * weight[b] * min(max(residual, -delta), delta)
    _fill(loss, len(target), 0.0)
    _fill(error, len(target), 0.0)


@_reordered
def _sum(row):
    """Add up a block."""
    # Nothing is written here: a loop that also writes runs in vectors only where its arrays lie apart in
    # memory, so that the order of a sum, and its last digit, would change from run to run.
    total = 0.0
    for b in range(BLOCK):
        total += row[b]
    return total


@_inlined
def _load(features, start, stop, layer):
    """Copy rows of the table into the first layer; what is left of the block becomes zero."""
    for i in range(len(features)):
        source, row = features[i], layer[i]
        for b in range(stop - start):
            row[b] = source[start + b]
        _fill(row, stop - start, 0.0)


@entry_point("the loss of the networks")
def sum_chunks(theta, sizes, code, features, target, weight, delta, chunks, sums):
    """Sum loss and gradient over some chunks of the table.

    Parameters
    ----------
    theta : ndarray of shape (n_parameters,)
        Weights of the network.
    sizes : ndarray of int of shape (n_layers,)
        Layer sizes from input to output.
    code : int
        Activation, one of `ACTIVATION_CODES`.
    features : ndarray of shape (n_features, n_samples)
        Scaled features, transposed.
    target, weight : ndarray of shape (n_samples,)
        Scaled target and weights.
    delta : float
        Huber threshold.
    chunks : tuple of int
        First chunk and the one after the last.
    sums : ndarray of shape (n_chunks, 1 + n_parameters)
        Receives the loss and the gradient of each chunk in its row.
    """
    n_layers, width = len(sizes), sizes.max()
    layers, slopes = np.empty((n_layers, width, BLOCK)), np.empty((n_layers, width, BLOCK))
    errors, scratch = np.empty((2, width, BLOCK)), np.empty(BLOCK)
    for chunk in range(chunks[0], chunks[1]):
        row = sums[chunk]
        for parameter in range(len(row)):
            row[parameter] = 0.0
        end = min((chunk + 1) * CHUNK_ROWS, len(target))
        for start in range(chunk * CHUNK_ROWS, end, BLOCK):
            stop = min(start + BLOCK, end)
            _load(features, start, stop, layers[0])
            _forward(theta, sizes, code, layers, slopes)
            output = layers[n_layers - 1, 0]
            _loss_of_block(output, target[start:stop], weight[start:stop], delta, errors[0, 0], scratch)
            row[0] += _sum(scratch)
            _backward(theta, sizes, code, layers, slopes, errors, scratch, row[1:])


@_inlined
def _load_scaled(rows, start, stop, mean, scale, layer):
    """Scale rows of a table into the first layer; what is left of the block becomes zero."""
    for i in range(len(mean)):
        for b in range(start, stop):
            layer[i, b - start] = (rows[b, i] - mean[i]) / scale[i]
        _fill(layer[i], stop - start, 0.0)


@_inlined
def _add_gradient(theta, sizes, code, layers, slopes, errors, total):
    """Add the derivatives of the output of a network by its scaled features."""
    offset = len(theta)
    _fill(errors[0, 0], 0, 1.0)
    for layer in range(len(sizes) - 2, -1, -1):
        n_in, n_out = sizes[layer], sizes[layer + 1]
        offset -= (n_in + 1) * n_out
        side = (len(sizes) - layer) % 2
        before = errors[1 - side, :n_in]
        _errors_before(theta, offset, errors[side, :n_out], before)
        for i in range(n_in):
            if layer > 0:
                _times_slope(code, before[i], layers[layer, i], slopes[layer, i])
            else:
                for b in range(BLOCK):
                    total[i, b] += before[i, b]


@_inlined
def _store_spread(members, mean, spread):
    """Store the standard deviation of the members' outputs."""
    for b in range(len(spread)):
        spread[b] = 0.0
    for k in range(len(members)):  # a loop over the array itself would give rows of unknown strides
        for b in range(len(spread)):
            off = members[k, b] - mean[b]
            spread[b] += off * off
    for b in range(len(spread)):
        spread[b] = math.sqrt(spread[b] / len(members))


@_inlined
def _store_gradient(total, n_networks, scale, gradient):
    """Store the mean of the networks' derivatives, by the features as they were before scaling."""
    for i in range(len(scale)):
        for b in range(len(gradient)):
            gradient[b, i] = total[i, b] / n_networks / scale[i]


@entry_point("the networks")
def mean_output(thetas, sizes, code, rows, mean, scale, output, spread, gradient):
    """Mean output of several networks, its gradient, and the spread of their outputs.

    Parameters
    ----------
    thetas : ndarray of shape (n_networks, n_parameters)
        Weights of each network.
    sizes, code
        As in `sum_chunks`.
    rows : ndarray of shape (n_samples, n_features)
        Features.
    mean, scale : ndarray of shape (n_features,)
        What to subtract from the features and what to divide by.
    output : ndarray of shape (n_samples,)
        Receives the output.
    spread : ndarray of shape (n_samples,) or (0,)
        Receives the standard deviation of the networks' outputs, if it has room for it.
    gradient : ndarray of shape (n_samples, n_features) or (0, n_features)
        Receives the derivatives of the mean output by the features, if it has room for them.
    """
    n_layers, width, n_networks = len(sizes), sizes.max(), len(thetas)
    layers, slopes = np.empty((n_layers, width, BLOCK)), np.empty((n_layers, width, BLOCK))
    errors = np.empty((2, width, BLOCK))
    members, sums = np.empty((n_networks, BLOCK)), np.empty((sizes[0] + 1, BLOCK))
    for start in range(0, len(output), BLOCK):
        stop = min(start + BLOCK, len(output))
        _load_scaled(rows, start, stop, mean, scale, layers[0])
        for i in range(len(sums)):
            _fill(sums[i], 0, 0.0)
        for k in range(n_networks):
            _forward(thetas[k], sizes, code, layers, slopes)
            for b in range(BLOCK):
                members[k, b] = layers[n_layers - 1, 0, b]
                sums[sizes[0], b] += members[k, b]
            if len(gradient):
                _add_gradient(thetas[k], sizes, code, layers, slopes, errors, sums)
        for b in range(start, stop):
            output[b] = sums[sizes[0], b - start] / n_networks
        if len(spread):
            _store_spread(members, output[start:stop], spread[start:stop])
        if len(gradient):
            _store_gradient(sums, n_networks, scale, gradient[start:stop])
