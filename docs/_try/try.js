"use strict";
(() => {
  const model = JSON.parse(document.getElementById("model").textContent);
  const by = (id) => document.getElementById(id);
  const MAX_SHOWN = 200;
  const AT_A_TIME = 200;
  let results = [], runs = 0;

  const make = (tag, text, attributes = {}) => {
    const element = document.createElement(tag);
    if (text !== undefined) element.textContent = text;
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  };
  const digits = (value, n = 3) => {
    if (!Number.isFinite(value)) return "–";
    const size = Math.abs(value);
    if (size >= 1000) return Math.round(value).toLocaleString("en").replace("-", "−");
    const decimals = size > 0 ? n - 1 - Math.floor(Math.log10(size)) : 0;
    return value.toFixed(Math.min(3, Math.max(0, decimals))).replace("-", "−");
  };

  const ageErrors = (star) => [star.AGE / 1e9 * (10 ** star.AGE_ERR_UP - 1), star.AGE / 1e9 * (1 - 10 ** -star.AGE_ERR_DOWN)];
  const withError = (value, error) => (Number.isFinite(value) ? `${digits(value)} ± ${digits(error, 2)}` : "–");
  const distanceText = (star) => withError(star.DISTANCE, star.DISTANCE_ERR);
  const massText = (star) => withError(star.MASS, star.MASS_ERR);
  const ageText = (star) => {
    const [up, down] = ageErrors(star);
    return Number.isFinite(star.AGE) ? `${digits(star.AGE / 1e9)} +${digits(up, 2)} −${digits(down, 2)}` : "–";
  };

  // Where the training stars are: their density in the Kiel diagram, from the mixture that the model file holds.
  const kiel = by("kiel");
  const draw = (stars) => {
    const { density, teff, log_g } = model.kiel, ratio = window.devicePixelRatio || 1;
    const width = kiel.clientWidth, height = kiel.clientHeight, pen = kiel.getContext("2d");
    kiel.width = width * ratio; kiel.height = height * ratio;
    pen.scale(ratio, ratio);
    const style = getComputedStyle(document.documentElement), color = (name) => style.getPropertyValue(name).trim();
    const left = 46, right = width - 10, top = 8, bottom = height - 40;
    const x = (value) => left + (teff[1] - value) / (teff[1] - teff[0]) * (right - left);
    const y = (value) => top + (value - log_g[0]) / (log_g[1] - log_g[0]) * (bottom - top);
    pen.fillStyle = color("--curve");
    const snap = (value) => Math.round(value * ratio) / ratio;
    const rows = density.length, columns = density[0].length;
    density.forEach((line, r) => line.forEach((level, c) => {
      if (level < 0.02) return;
      pen.globalAlpha = 0.75 * level;
      // Whole pixels, so that cells neither overlap nor leave gaps.
      const [x0, x1] = [c + 1, c].map((i) => snap(x(teff[0] + i / columns * (teff[1] - teff[0]))));
      const [y0, y1] = [r, r + 1].map((i) => snap(y(log_g[0] + i / rows * (log_g[1] - log_g[0]))));
      pen.fillRect(x0, y0, x1 - x0, y1 - y0);
    }));
    pen.globalAlpha = 1;
    pen.strokeStyle = color("--soft"); pen.fillStyle = color("--ink"); pen.font = "12px system-ui, sans-serif";
    pen.strokeRect(left, top, right - left, bottom - top);
    pen.textAlign = "center";
    for (let t = 3500; t <= 6500; t += 500) if (t > teff[0] && t < teff[1]) pen.fillText(String(t), x(t), bottom + 15);
    pen.fillText("Teff [K]", (left + right) / 2, bottom + 33);
    pen.textAlign = "right";
    for (let g = 0; g <= 5; g++) if (g > log_g[0] && g < log_g[1]) pen.fillText(String(g), left - 6, y(g) + 4);
    pen.save(); pen.translate(13, (top + bottom) / 2); pen.rotate(-Math.PI / 2); pen.textAlign = "center";
    pen.fillText("log g [dex]", 0, 0); pen.restore();
    pen.fillStyle = color("--mark"); pen.strokeStyle = color("--paper");
    const size = stars.length > 50 ? 1.5 : 6;
    pen.globalAlpha = stars.length > 50 ? 0.6 : 1;
    for (const { input } of stars) {
      if (!Number.isFinite(input.TEFF) || !Number.isFinite(input.LOGG)) continue;
      pen.beginPath();
      pen.arc(clamp(x(input.TEFF), left, right), clamp(y(input.LOGG), top, bottom), size, 0, 7);
      pen.fill();
      if (size > 2) pen.stroke();
    }
    const outside = stars.filter(({ bits }) => bits.includes("OUTSIDE_DISTANCE_DOMAIN")).length;
    by("place").textContent = stars.length === 1
      ? `The star (dot) among the training stars of the distance model (blue): ${outside ? "outside of what they tell" : stars[0].bits.includes("DISTANCE_HELD_BY_ISOCHRONES") ? "beyond them, where isochrones hold the model" : "inside"}.`
      : `${stars.length.toLocaleString("en")} stars (dots) among the training stars of the distance model (blue); ${outside.toLocaleString("en")} lie outside of what these tell.`;
  };
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

  const flagList = (bits) => {
    if (!bits.length) return make("p", "No flags: nothing is missing or doubtful.");
    const list = make("ul");
    for (const name of bits) {
      const item = make("li");
      item.append(make("code", name), `: ${model.bits[name][1]}`);
      list.append(item);
    }
    return list;
  };

  const showOne = (star) => {
    const body = make("tbody");
    const lines = [
      ["distance [pc]", distanceText(star)], ["absolute Ks magnitude [mag]", withError(star.ABS_MAG, star.ABS_MAG_ERR)],
      ["mass [M☉]", massText(star)], ["age [Gyr]", ageText(star)], ["probability of the red clump", digits(star.P_RC, 2)],
    ];
    for (const [name, text] of lines) {
      const row = make("tr");
      row.append(make("th", name, { scope: "row" }), make("td", text));
      body.append(row);
    }
    const table = make("table");
    table.append(make("caption", "With 1σ errors, measured on stars that the networks had not seen"), body);
    by("answer").replaceChildren(table, flagList(star.bits));
  };

  const showMany = (stars) => {
    const table = make("table"), head = make("tr"), body = make("tbody");
    for (const name of ["star", "distance [pc]", "mass [M☉]", "age [Gyr]", "flags"]) head.append(make("th", name, { scope: "col" }));
    for (const star of stars.slice(0, MAX_SHOWN)) {
      const row = make("tr");
      row.append(make("th", star.name, { scope: "row" }));
      for (const text of [distanceText(star), massText(star), ageText(star), star.bits.join(", ")]) row.append(make("td", text));
      body.append(row);
    }
    const top = make("thead");
    top.append(head);
    const shown = stars.length > MAX_SHOWN ? `, the first ${MAX_SHOWN} below` : "";
    table.append(make("caption", `${stars.length.toLocaleString("en")} stars${shown}`), top, body);
    const scroll = make("div", undefined, { class: "scroll", tabindex: "0", role: "region", "aria-label": "Results" });
    const save = make("button", "Save all as CSV", { type: "button" });
    save.addEventListener("click", download);
    scroll.append(table);
    by("answer").replaceChildren(save, scroll);
  };

  const download = () => {
    const value = (x) => (Number.isFinite(x) ? x.toPrecision(8).replace(/\.?0+(e|$)/, "$1") : "");
    const lines = [["STAR", ...model.outputs, "BITMASK"].join(",")];
    for (const star of results) {
      const name = /[",\n]/.test(star.name) ? `"${star.name.replaceAll("\"", "\"\"")}"` : star.name;
      lines.push([name, ...model.outputs.map((column) => value(star[column])), bitmask(star.bits)].join(","));
    }
    const link = make("a", undefined, { download: "skdistmass.csv" });
    link.href = URL.createObjectURL(new Blob([`${lines.join("\n")}\n`], { type: "text/csv" }));
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  const bitmask = (names) => names.reduce((sum, name) => sum | model.bits[name][0], 0);

  // Some stars at a time, so that the page goes on answering and shows how far it is; a new table ends the old one.
  const run = async (stars) => {
    const own = ++runs, done = [];
    for (const { name, ...input } of stars) {
      done.push({ name, input, ...skdistmass.predictStar(model, input) });
      if (done.length % AT_A_TIME === 0) {
        by("progress").textContent = `${done.length.toLocaleString("en")} of ${stars.length.toLocaleString("en")} stars`;
        await new Promise((next) => setTimeout(next));
        if (own !== runs) return;
      }
    }
    by("progress").textContent = "";
    results = done;
    document.documentElement.dataset.stars = String(results.length);
    window.tryResults = results.map((star) => ({ ...star, BITMASK: bitmask(star.bits) }));
    by("pair").classList.toggle("many", results.length > 1);
    if (results.length === 1) showOne(results[0]); else showMany(results);
    draw(results);
  };

  const fromForm = () => {
    const star = { name: "your star" };
    for (const field of by("form").querySelectorAll("input[name]")) {
      star[field.name] = field.value.trim() === "" ? NaN : Number(field.value);
    }
    by("problem").textContent = "";
    run([star]);
  };

  const fromTable = (table, label) => {
    const found = tables.matchInputs(table, model.aliases);
    const missing = model.features.filter((name) => !(name in found));
    if (missing.length) throw new Error(`${label} has no column ${missing.join(", ")}; it has ${table.names.slice(0, 30).join(", ")}`);
    const id = tables.matchInputs(table, { id: ["APOGEE_ID", "SDSS_ID", "ID", "star", "name"] }).id;
    return Array.from({ length: table.n }, (_, row) => {
      const star = { name: id === undefined ? `row ${row + 1}` : String(table.columns[id][row]) };
      for (const [name, place] of Object.entries(found)) star[name] = tables.toNumber(table.columns[place][row], model.sentinel);
      return star;
    });
  };

  const read = async (file) => {
    by("problem").textContent = "";
    try {
      const buffer = await file.arrayBuffer();
      const isFits = new TextDecoder("latin1").decode(buffer.slice(0, 9)) === "SIMPLE  =";
      await run(fromTable(isFits ? tables.parseFits(buffer) : tables.parseCsv(new TextDecoder().decode(buffer)), file.name));
    } catch (error) {
      by("problem").textContent = `${error.message}.`;
    }
  };

  by("form").addEventListener("submit", (event) => { event.preventDefault(); fromForm(); });
  by("file").addEventListener("change", () => { if (by("file").files.length) read(by("file").files[0]); });
  const drop = by("drop");
  for (const name of ["dragover", "dragenter"]) drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("over"); });
  for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => { event.preventDefault(); if (event.dataTransfer.files.length) read(event.dataTransfer.files[0]); });
  window.addEventListener("resize", () => draw(results));
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw(results));
  fromForm();
  document.documentElement.dataset.ready = "true";
})();
