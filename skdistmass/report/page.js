"use strict";
(() => {
  const facts = JSON.parse(document.getElementById("facts").textContent);
  const by = (id) => document.getElementById(id);
  const units = facts.units;

  const make = (tag, text, attributes = {}) => {
    const element = document.createElement(tag);
    if (text !== undefined) element.textContent = text;
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  };

  // Three digits, and a true minus sign.
  const digits = (value, n = 3) => {
    if (!Number.isFinite(value)) return "–";
    const size = Math.abs(value);
    if (size >= 1000) return Math.round(value).toLocaleString("en").replace("-", "−");
    const decimals = size > 0 ? n - 1 - Math.floor(Math.log10(size)) : 0;
    const text = value.toFixed(Math.min(3, Math.max(0, decimals)));
    return text.replace("-", "−");
  };

  // Errors in the unit of the value: those of an age are upward and downward in its logarithm.
  const errorText = (star, name) => {
    if (name === "AGE" && Number.isFinite(star.AGE_ERR_UP)) {
      const up = star.AGE * (10 ** star.AGE_ERR_UP - 1), down = star.AGE * (1 - 10 ** -star.AGE_ERR_DOWN);
      return ` +${digits(up, 2)} −${digits(down, 2)}`;
    }
    if (name === "NMSU_DIST" && Number.isFinite(star.NMSU_DIST_P16)) {
      const up = star.NMSU_DIST_P84 - star.NMSU_DIST, down = star.NMSU_DIST - star.NMSU_DIST_P16;
      return ` +${digits(up, 2)} −${digits(down, 2)}`;
    }
    return Number.isFinite(star[`${name}_ERR`]) ? ` ± ${digits(star[`${name}_ERR`], 2)}` : "";
  };

  const labels = {
    TEFF: "Teff", LOGG: "log g", M_H: "[M/H]", C_FE: "[C/Fe]", N_FE: "[N/Fe]", SNR: "signal to noise", MAG: "Ks",
    EXTINCTION: "A_K", ABS_MAG: "absolute Ks", DISTANCE: "distance (network)", WEIGHTED_DIST: "distance (with Gaia)",
    GAIAEDR3_DIST: "distance (Gaia)", NMSU_DIST: "distance (isochrones)", MASS: "mass", AGE: "age",
    P_RC: "probability of the red clump",
  };

  const table = (star) => {
    const body = make("tbody");
    for (const [name, label] of Object.entries(labels)) {
      if (!(name in star)) continue;
      const row = make("tr");
      row.append(make("th", label, { scope: "row" }));
      const known = Number.isFinite(star[name]);
      row.append(make("td", known ? `${digits(star[name])}${errorText(star, name)} ${units[name]}` : "no value"));
      body.append(row);
    }
    const element = make("table");
    element.append(make("caption", "Numbers, with 1σ errors"), body);
    return element;
  };

  const flags = (star) => {
    const box = make("div");
    const set = facts.bits.filter(([value]) => star.BITMASK & value);
    box.append(make("p", set.length ? `BITMASK ${star.BITMASK} says:` : "BITMASK 0: nothing is special or doubtful."));
    const list = make("ul");
    for (const [, name, meaning] of set) {
      const item = make("li");
      item.append(make("code", name), `: ${meaning}`);
      list.append(item);
    }
    if (set.length) box.append(list);
    const trusted = Object.entries(facts.forbidden).filter(([name, bits]) =>
      Number.isFinite(star[name]) && !(star.BITMASK & bits)).map(([name]) => name.toLowerCase());
    box.append(make("p", trusted.length ? `In the recommended cut for ${trusted.join(", ")}.` : "In no recommended cut."));
    return box;
  };

  // Two halves of Gaussians that meet at the median.
  const halves = (centre, up, down) => (x) => Math.exp(-0.5 * ((x - centre) / (x > centre ? up : down)) ** 2);

  const posterior = (title, unit, curves, mark) => {
    const width = 300, height = 100, left = 8, right = 292, floor = 78;
    const ends = curves.flatMap(({ centre, up, down }) => [centre - 3.5 * down, centre + 3.5 * up]);
    if (mark !== undefined) ends.push(mark);
    const low = Math.max(0, Math.min(...ends)), high = Math.max(...ends);
    const place = (x) => left + (x - low) / (high - low) * (right - left);
    const peak = Math.max(...curves.map(({ up, down }) => 1 / (up + down)));
    const ns = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(ns, "svg");
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("role", "img");
    const words = curves.map(({ centre, up, down, what }) => `${what} ${digits(centre)} +${digits(up, 2)} −${digits(down, 2)}`);
    if (mark !== undefined) words.push(`Gaia ${digits(mark)}`);
    svg.setAttribute("aria-label", `${title} in ${unit}: ${words.join("; ")}`);
    const add = (tag, attributes, text) => {
      const element = document.createElementNS(ns, tag);
      for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
      if (text !== undefined) element.textContent = text;
      svg.append(element);
    };
    curves.forEach(({ centre, up, down }, index) => {
      const height_ = 68 / (up + down) / peak, shape = halves(centre, up, down), points = [];
      for (let i = 0; i <= 120; i++) {
        const x = low + (high - low) * i / 120;
        points.push(`${place(x).toFixed(1)},${(floor - height_ * shape(x)).toFixed(1)}`);
      }
      add("polygon", { class: index ? "second" : "curve", points: `${left},${floor} ${points.join(" ")} ${right},${floor}` });
    });
    if (mark !== undefined) add("line", { class: "gaia", x1: place(mark), x2: place(mark), y1: 4, y2: floor });
    add("line", { class: "axis", x1: left, x2: right, y1: floor, y2: floor });
    for (const part of [0, 0.5, 1]) {
      const anchor = part === 0 ? "start" : part === 1 ? "end" : "middle";
      add("text", { x: left + part * (right - left), y: floor + 16, "text-anchor": anchor }, digits(low + part * (high - low)));
    }
    const names = curves.map(({ what }, index) => `${index ? "dashed" : "filled"}: ${what}`);
    if (mark !== undefined) names.push("dotted: Gaia");
    const box = make("figure");
    box.append(make("figcaption", `${title} [${unit}]`), make("p", names.join(", ")), svg);
    return box;
  };

  const posteriors = (star) => {
    const box = make("div"), distance = [];
    if (star.DISTANCE_ERR > 0) distance.push({ centre: star.DISTANCE, up: star.DISTANCE_ERR, down: star.DISTANCE_ERR, what: "network" });
    if (star.NMSU_DIST_P84 > star.NMSU_DIST && star.NMSU_DIST > star.NMSU_DIST_P16) {
      distance.push({ centre: star.NMSU_DIST, up: star.NMSU_DIST_P84 - star.NMSU_DIST, down: star.NMSU_DIST - star.NMSU_DIST_P16, what: "isochrones" });
    }
    const gaia = Number.isFinite(star.GAIAEDR3_DIST) ? star.GAIAEDR3_DIST : undefined;
    if (distance.length) box.append(posterior("distance", "kpc", distance, gaia));
    if (star.MASS_ERR > 0) box.append(posterior("mass", "M☉", [{ centre: star.MASS, up: star.MASS_ERR, down: star.MASS_ERR, what: "network" }]));
    if (star.AGE_ERR_UP > 0 && star.AGE_ERR_DOWN > 0) {
      const up = star.AGE * (10 ** star.AGE_ERR_UP - 1), down = star.AGE * (1 - 10 ** -star.AGE_ERR_DOWN);
      box.append(posterior("age", "Gyr", [{ centre: star.AGE, up, down, what: "from mass and [M/H]" }]));
    }
    return box;
  };

  const median = (values) => {
    const known = values.filter(Number.isFinite).sort((a, b) => a - b);
    return known.length ? known[Math.floor((known.length - 1) / 2)] : NaN;
  };

  const start = () => {
    const page = Bokeh.documents[0];
    const source = page.get_model_by_name("stars");
    const mapper = page.get_model_by_name("colors");
    const bar = page.get_model_by_name("bar");
    const plots = ["kiel", "galaxy"].map((name) => page.get_model_by_name(name)).filter(Boolean);
    const columns = Object.keys(source.data);
    const starAt = (index) => Object.fromEntries(columns.map((name) => [name, source.data[name][index]]));

    const show = (index) => {
      const star = starAt(index), box = by("star"), pair = make("div", undefined, { class: "pair" });
      pair.append(table(star), posteriors(star), flags(star));
      box.replaceChildren(make("h3", `${star.ID}, row ${star.ROW}`), pair);
    };

    const describe = () => {
      const chosen = Array.from(source.selected.indices);
      by("star").replaceChildren();
      if (!chosen.length) { by("selection").textContent = ""; return; }
      if (chosen.length === 1) { by("selection").textContent = "1 star selected."; show(chosen[0]); return; }
      const words = facts.colors.map(({ name, label, forbidden }) => {
        const values = chosen.filter((i) => !(source.data.BITMASK[i] & forbidden)).map((i) => source.data[name][i]);
        return `${label} ${digits(median(values))}`;
      });
      by("selection").textContent = `${chosen.length.toLocaleString("en")} stars selected; medians: ${words.join(", ")}.`;
    };
    source.selected.properties.indices.change.connect(describe);

    const paint = () => {
      const choice = facts.colors[by("color").selectedIndex];
      const values = source.data[choice.name], bits = source.data.BITMASK;
      const colors = Float32Array.from(values, (value, i) => (bits[i] & choice.forbidden ? NaN : value));
      mapper.setv({ low: choice.low, high: choice.high });
      bar.title = choice.label;
      source.data = { ...source.data, COLOR: colors };
    };
    by("color").replaceChildren(...facts.colors.map(({ label }) => make("option", label)));
    by("color").addEventListener("change", paint);

    by("find").addEventListener("change", () => {
      const wanted = by("find").value.trim().toLowerCase();
      if (!wanted) return;
      const index = source.data.ID.findIndex((name) => name.toLowerCase() === wanted);
      if (index >= 0) source.selected.indices = [index];
      else by("selection").textContent = `${by("find").value}: not among the stars of these diagrams.`;
    });
    by("clear").addEventListener("click", () => { source.selected.indices = []; });

    const dark = window.matchMedia("(prefers-color-scheme: dark)");
    const dress = () => {
      const style = getComputedStyle(document.documentElement);
      const color = (name) => style.getPropertyValue(name).trim();
      const ink = color("--ink"), soft = color("--soft"), line = color("--line");
      // The density of all stars stays behind the stars: pale on white, dim on black.
      const ends = dark.matches ? [32, 120] : [240, 150];
      const greys = Array.from({ length: 64 }, (_, i) => {
        const level = Math.round(ends[0] + (ends[1] - ends[0]) * i / 63);
        return `rgb(${level}, ${level}, ${level})`;
      });
      for (const plot of plots) {
        for (const renderer of plot.renderers) {
          if (renderer.glyph.color_mapper) renderer.glyph.color_mapper.palette = greys;
        }
        plot.outline_line_color = line;
        for (const side of [...plot.below, ...plot.left, ...plot.right]) {
          if (side.type === "ColorBar") side.setv({ title_text_color: ink, major_label_text_color: ink });
          else side.setv({ axis_label_text_color: ink, major_label_text_color: ink, axis_line_color: soft,
            major_tick_line_color: soft, minor_tick_line_color: soft, axis_label_text_font_style: "normal" });
        }
        for (const grid of plot.center.filter((part) => part.type === "Grid")) grid.grid_line_color = line;
      }
    };
    dark.addEventListener("change", dress);
    dress();
    document.documentElement.dataset.ready = "true";
  };

  const wait = () => (window.Bokeh && Bokeh.documents.length && Bokeh.documents[0].get_model_by_name("stars")
    ? start() : setTimeout(wait, 30));
  wait();
})();
