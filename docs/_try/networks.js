"use strict";
// The shipped networks in plain JavaScript: from labels to distance, mass and age. Pure functions of numbers
// and of `model`, which docs/make_try_page.py writes from the model files. Same formulas as the package; names
// say which function each one follows.
const skdistmass = (() => {
  const clip = (x, low, high) => Math.min(Math.max(x, low), high);
  const column = (row, index) => row[index];

  // Mean output of the networks of an ensemble: networks/forward.py.
  const members = (network, features) => {
    const scaled = features.map((x, i) => (x - network.mean[i]) / network.scale[i]);
    const last = network.kernels.length - 1;
    return network.kernels[0].map((_, member) => {
      let layer = scaled;
      network.kernels.forEach((kernel, depth) => {
        const total = network.biases[depth][member].slice();
        kernel[member].forEach((weights, from) => weights.forEach((weight, to) => { total[to] += weight * layer[from]; }));
        layer = depth < last ? total.map(activations[network.activation]) : total;
      });
      return layer[0];
    });
  };
  const activations = { tanh: Math.tanh, relu: (x) => Math.max(x, 0), logistic: (x) => 0.5 + 0.5 * Math.tanh(0.5 * x) };
  const mean = (values) => values.reduce((sum, x) => sum + x, 0) / values.length;
  const output = (network, features) => mean(members(network, features));

  // Log density of the training stars: estimators/domain.py.
  const logDensity = (domain, features) => {
    const scaled = features.map((x, i) => (x - domain.center[i]) / domain.scale[i]);
    const terms = domain.means.map((centre, k) => {
      let square = 0;
      for (let j = 0; j < scaled.length; j++) {
        let whitened = 0;
        for (let i = 0; i < scaled.length; i++) whitened += (scaled[i] - centre[i]) * domain.cholesky[k][i][j];
        square += whitened * whitened;
      }
      return domain.log_weights[k] - 0.5 * square;
    });
    const top = Math.max(...terms);
    return top + Math.log(terms.reduce((sum, term) => sum + Math.exp(term - top), 0));
  };

  // Complementary error function to 1e-15: a series near zero, a continued fraction beyond.
  const erfc = (x) => {
    if (x < 0) return 2 - erfc(-x);
    if (x < 2.5) {
      let term = x, sum = x;
      for (let n = 1; n < 100 && Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
        term *= -x * x / n;
        sum += term / (2 * n + 1);
      }
      return 1 - 2 / Math.sqrt(Math.PI) * sum;
    }
    let fraction = 0;
    for (let n = 60; n > 0; n--) fraction = 0.5 * n / (x + fraction);
    return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + fraction);
  };

  // Quantile of a mixture of Gaussians, `normal` being that of the standard normal distribution: Newton steps between
  // the quantiles of the Gaussians, networks/mixture.py.
  const quantile = ({ means, widths, weights }, level, normal) => {
    const own = means.map((centre, k) => centre + normal * widths[k]);
    let low = Math.min(...own), high = Math.max(...own), x = own.reduce((sum, value, k) => sum + weights[k] * value, 0);
    for (let i = 0; i < 100 && high > low; i++) {
      let off = -level, density = 0;
      means.forEach((centre, k) => {
        const z = (x - centre) / widths[k];
        off += weights[k] * 0.5 * erfc(-z / Math.SQRT2);
        density += weights[k] * Math.exp(-0.5 * z * z) / widths[k];
      });
      if (off > 0) high = x; else low = x;
      const step = x - off * Math.sqrt(2 * Math.PI) / density, next = step >= low && step <= high ? step : 0.5 * (low + high);
      if (Math.abs(next - x) <= 1e-12 * (Math.abs(x) + widths[0])) return next;
      x = next;
    }
    return x;
  };

  // Distribution of the target from what held-out stars left: estimators/uncertainty.py.
  const mixture = (model, features, prediction, density) => {
    const head = model.distribution;
    let layer = [...features, prediction].map((x, i) => (clip(x, head.low[i], head.high[i]) - head.center[i]) / head.scale[i]);
    head.kernels.forEach((kernel, depth) => {
      if (depth) layer = layer.map(Math.tanh);
      const total = head.biases[depth].slice();
      kernel.forEach((weights, from) => weights.forEach((weight, to) => { total[to] += weight * layer[from]; }));
      layer = total;
    });
    const n = layer.length / 3, top = Math.max(...layer.slice(2 * n));
    const raw = layer.slice(2 * n).map((x) => Math.exp(x - top)), sum = raw.reduce((a, b) => a + b, 0);
    const added = widening(model, features, density), means = layer.slice(0, n), weights = raw.map((x) => x / sum);
    const own = layer.slice(n, 2 * n).map((x) => Math.exp(clip(x, ...head.log_widths)));
    return {
      means: means.map((x) => prediction + head.unit * x),
      widths: own.map((width) => Math.hypot(head.unit * width, added)),
      weights,
    };
  };

  // What is added to the error where training stars are rare.
  const widening = (model, features, density) => {
    const head = model.distribution;
    if (!(density < head.sparse) || !(head.widening[0] || head.widening[1])) return 0;
    const values = members(model, features), centre = mean(values);
    const spread = Math.sqrt(mean(values.map((x) => (x - centre) ** 2)));
    let depth = head.widening[0] * Math.sqrt(Math.min(head.sparse - density, head.max_depth));
    if (head.widening.length > 2 && features[1] >= head.dwarf_log_g) depth = Math.min(depth, head.widening[2]);
    return Math.hypot(depth, head.widening[1] * spread);
  };

  // Prediction, 1σ error and 68 % interval: estimators/inference.py. `back` leads from what the network fits to
  // the target; `added` is a further error of that, in quadrature.
  const predict = (model, features, density, back, added = 0) => {
    const raw = output(model, features), value = back(raw);
    if (model.distribution) {
      const shape = mixture(model, features, raw, density);
      const interval = (further) => model.distribution.one_sigma.map((level, i) => back(quantile(
        { ...shape, widths: shape.widths.map((width) => Math.hypot(width, further)) }, level, i ? 1 : -1)));
      const [low, high] = interval(0), [faint, bright] = interval(added);
      return { value, error: 0.5 * (high - low), low, high, whole: 0.5 * (bright - faint) };
    }
    const { coefficients, low, high, floor } = model.error;
    const place = clip(column(features, model.error_column), low, high);
    const error = Math.max(coefficients.reduce((sum, c) => sum * place + c, 0), floor);
    const sigma = back === identity ? error : error * value;
    return { value, error: sigma, low: value - sigma, high: value + sigma, whole: Math.hypot(sigma, added) };
  };
  const identity = (x) => x;
  const fromLog = (x) => Math.exp(clip(x, -80, 80));

  // Shift of the log age by evolutionary state and metallicity: physics/giants.py.
  const shift = (ages, mass, metallicity, clump) => {
    const { log_masses, fe_h, shifts } = ages, columns = fe_h.length;
    const place = (Math.log10(mass) - log_masses.first) / log_masses.step;
    const row = clip(Math.trunc(place), 0, log_masses.n - 2);
    const z = clip(metallicity, fe_h[0], fe_h[columns - 1]);
    let col = 0;
    while (col < columns - 2 && fe_h[col + 1] <= z) col++;
    const x = place - row, y = (z - fe_h[col]) / (fe_h[col + 1] - fe_h[col]);
    const shares = Number.isFinite(clump) ? [0, 1 - clump, clump] : [1, 0, 0];
    let total = 0;
    for (const [m, weightM] of [[0, 1 - x], [1, x]]) {
      for (const [f, weightF] of [[0, 1 - y], [1, y]]) {
        const at = (row + m) * columns + col + f;
        total += weightM * weightF * shares.reduce((sum, share, state) => sum + share * shifts[state][at], 0);
      }
    }
    return total;
  };

  // Age of a giant with its errors: estimators/age_inference.py.
  const predictAge = (model, { value: mass, low, high }, m_h, logG, alpha, clump) => {
    const ages = model.age, between = (x, [low, high]) => x >= low && x <= high;
    const total = m_h + Math.log10(0.638 * 10 ** (Number.isFinite(alpha) ? alpha : 0) + 0.362);
    const none = { age: NaN, up: NaN, down: NaN };
    if (logG >= ages.max_log_g) return { ...none, bits: ["NOT_A_GIANT"] };
    const reached = between(m_h, ages.isochrone_metallicities) || between(total, ages.isochrone_metallicities);
    if (!between(mass, ages.sampled_masses) || !reached) return { ...none, bits: ["OUTSIDE_AGE_RANGE"] };
    const inside = clip(total, ...ages.metallicity_range);
    const logAge = (m) => output(ages.network, [m, inside])
      + (Number.isFinite(clump) || inside !== total ? shift(ages, m, total, clump) : 0);
    const here = logAge(mass), published = between(mass, ages.mass_range);
    if (!published && here > ages.oldest) return { ...none, bits: ["OUTSIDE_AGE_RANGE"] };
    const bits = published && between(total, ages.metallicity_range) ? [] : ["OUTSIDE_PUBLISHED_AGES"];
    const age = 10 ** (here - 9);
    if (age > ages.max_age) bits.push("OLDER_THAN_UNIVERSE");
    const least = ages.least_side * (high - low);
    const up = logAge(clip(Math.min(low, mass - least), ...ages.sampled_masses)) - here;
    const down = here - logAge(clip(Math.max(high, mass + least), ...ages.sampled_masses));
    return { age, up, down, bits };
  };

  const held = (model, features, density) => {
    if (density >= model.domain.offset) return "stars";
    return model.anchored && logDensity(model.anchored, features) >= model.anchored.offset ? "isochrones" : "nothing";
  };

  // One star: its columns of the catalogue, those that need no survey. `star` holds the inputs by their names.
  const predictStar = (model, star) => {
    const names = new Set(), clean = {};
    const flag = (name, where = true) => { if (where) names.add(name); };
    for (const [name, [low, high]] of Object.entries(model.ranges)) {
      const value = star[name];
      const bad = value <= low || value >= high || Math.abs(value) === Infinity;
      flag("BAD_INPUT_VALUE", bad);
      clean[name] = bad || value === undefined || value === null ? NaN : value;
    }
    const features = model.features.map((name) => clean[name]);
    const none = Object.fromEntries(model.outputs.map((name) => [name, NaN]));
    const result = { ...none };
    flag("NO_K", !Number.isFinite(clean.K));
    flag("NO_EXTINCTION", !Number.isFinite(clean.A_K));
    flag("NEGATIVE_EXTINCTION", clean.A_K < 0);
    if (!features.every(Number.isFinite)) {
      flag("MISSING_INPUT");
      return { ...result, bits: [...names] };
    }
    const logG = clean.LOGG;
    const near = logDensity(model.distance.domain, features);
    const [absolute, fraction] = model.colour_error, dust = Math.hypot(absolute, fraction * clean.A_K);
    const seen = Number.isFinite(dust) ? Math.hypot(model.k_error, dust) : 0;
    const magnitude = predict(model.distance, features, near, identity, seen);
    Object.assign(result, { ABS_MAG: magnitude.value, ABS_MAG_ERR: magnitude.error });
    result.DISTANCE = 10 ** (1 + 0.2 * (clean.K - clean.A_K - magnitude.value));
    result.DISTANCE_ERR = result.DISTANCE * Math.hypot(magnitude.error, seen) / model.mag_per_fraction;
    const distanceHeld = held(model.distance, features, near);
    flag("OUTSIDE_DISTANCE_DOMAIN", distanceHeld === "nothing");
    flag("DISTANCE_HELD_BY_ISOCHRONES", distanceHeld === "isochrones");
    const dense = logDensity(model.mass.domain, features);
    const mass = predict(model.mass, features, dense, fromLog);
    Object.assign(result, { MASS: mass.value, MASS_ERR: mass.error });
    const massHeld = held(model.mass, features, dense);
    flag("OUTSIDE_MASS_DOMAIN", massHeld === "nothing");
    flag("MASS_HELD_BY_ISOCHRONES", massHeld === "isochrones");
    if (logG < model.age.max_log_g) result.P_RC = 0.5 + 0.5 * Math.tanh(0.5 * output(model.clump, features));
    const ages = predictAge(model, mass, clean.M_H, logG, clean.ALPHA_M, result.P_RC);
    Object.assign(result, { AGE: ages.age * 1e9, AGE_ERR_UP: ages.up, AGE_ERR_DOWN: ages.down });
    ages.bits.forEach((name) => flag(name));
    return { ...result, bits: [...names] };
  };

  return { predictStar, logDensity, erfc };
})();
if (typeof module !== "undefined") module.exports = skdistmass;
