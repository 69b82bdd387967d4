"use strict";
// Small tables in the browser: CSV text, and the first binary table of a FITS file. Both become
// { names, columns, n }, columns being arrays of numbers or of text.
const tables = (() => {
  const parseCsv = (text) => {
    const records = [];
    let field = "", record = [], quoted = false;
    for (let i = 0; i < text.length; i++) {
      const letter = text[i];
      if (quoted) {
        if (letter !== "\"") field += letter;
        else if (text[i + 1] === "\"") { field += "\""; i++; } else quoted = false;
      } else if (letter === "\"") quoted = true;
      else if (letter === ",") { record.push(field); field = ""; }
      else if (letter === "\n" || letter === "\r") {
        if (letter === "\r" && text[i + 1] === "\n") i++;
        record.push(field); field = "";
        if (record.length > 1 || record[0].trim() !== "") records.push(record);
        record = [];
      } else field += letter;
    }
    record.push(field);
    if (record.length > 1 || record[0].trim() !== "") records.push(record);
    if (quoted) throw new Error("a quotation mark is not closed");
    const rows = records.filter((one) => !one[0].startsWith("#"));
    if (rows.length < 2) throw new Error("a line of names and at least one star are needed");
    const names = rows[0].map((name) => name.trim()), body = rows.slice(1);
    body.forEach((row, i) => {
      if (row.length !== names.length) throw new Error(`star ${i + 1} has ${row.length} values for ${names.length} columns`);
    });
    const columns = names.map((_, i) => body.map((row) => row[i].trim()));
    return { names, columns, n: body.length };
  };

  const BLOCK = 2880;
  const readers = {
    D: [8, (view, at) => view.getFloat64(at)], E: [4, (view, at) => view.getFloat32(at)],
    J: [4, (view, at) => view.getInt32(at)], I: [2, (view, at) => view.getInt16(at)],
    K: [8, (view, at) => Number(view.getBigInt64(at))], B: [1, (view, at) => view.getUint8(at)],
    L: [1, (view, at) => view.getUint8(at)], X: [1, (view, at) => view.getUint8(at)],
    C: [8, () => NaN], M: [16, () => NaN], P: [8, () => NaN], Q: [16, () => NaN],
  };

  const parseHeader = (bytes, start) => {
    const cards = {};
    for (let at = start; at + 80 <= bytes.length; at += 80) {
      const card = String.fromCharCode(...bytes.subarray(at, at + 80)), name = card.slice(0, 8).trim();
      if (name === "END") return { cards, next: start + Math.ceil((at + 80 - start) / BLOCK) * BLOCK };
      if (card[8] !== "=") continue;
      const value = card.slice(10).trim(), text = value.match(/^'((?:[^']|'')*)'/);
      cards[name] = text ? text[1].replaceAll("''", "'").trim() : value.split("/")[0].trim();
    }
    throw new Error("the header of the FITS file has no end");
  };

  const number = (cards, name, otherwise = 0) => (name in cards ? Number(cards[name]) : otherwise);

  const dataSize = (cards) => {
    let size = number(cards, "NAXIS") ? 1 : 0;
    for (let i = 1; i <= number(cards, "NAXIS"); i++) size *= number(cards, `NAXIS${i}`);
    return size * (Math.abs(number(cards, "BITPIX")) / 8) + number(cards, "PCOUNT");
  };

  const parseFits = (buffer) => {
    const bytes = new Uint8Array(buffer), view = new DataView(buffer);
    let at = 0;
    while (at < bytes.length) {
      const { cards, next } = parseHeader(bytes, at);
      if (cards.XTENSION === "BINTABLE" && number(cards, "NAXIS2") > 0) return readTable(cards, bytes, view, next);
      at = next + Math.ceil(dataSize(cards) / BLOCK) * BLOCK;
    }
    throw new Error("the FITS file has no binary table with rows");
  };

  const readTable = (cards, bytes, view, start) => {
    const width = number(cards, "NAXIS1"), n = number(cards, "NAXIS2"), names = [], columns = [];
    if (start + width * n > bytes.length) throw new Error("the FITS file is cut off");
    let offset = 0;
    for (let i = 1; i <= number(cards, "TFIELDS"); i++) {
      const [, digits, code] = cards[`TFORM${i}`].match(/^(\d*)([A-Z])/), repeat = digits === "" ? 1 : Number(digits);
      const values = [];
      if (code === "A") {
        for (let row = 0; row < n; row++) {
          const from = start + row * width + offset;
          values.push(String.fromCharCode(...bytes.subarray(from, from + repeat)).replace(/\0.*$/s, "").trim());
        }
        offset += repeat;
      } else {
        const [size, read] = readers[code], missing = cards[`TNULL${i}`];
        const scale = number(cards, `TSCAL${i}`, 1), zero = number(cards, `TZERO${i}`, 0);
        for (let row = 0; row < n && repeat; row++) {
          const raw = read(view, start + row * width + offset);
          values.push(missing !== undefined && raw === Number(missing) ? NaN : raw * scale + zero);
        }
        offset += code === "X" ? Math.ceil(repeat / 8) : size * repeat;
      }
      names.push(cards[`TTYPE${i}`] || `column${i}`);
      columns.push(values);
    }
    return { names, columns, n };
  };

  const key = (name) => name.trim().toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");

  // Inputs of the networks by their names or aliases: the first alias that is there counts.
  const matchInputs = (table, aliases) => {
    const places = new Map();
    table.names.forEach((name, i) => { if (!places.has(key(name))) places.set(key(name), i); });
    const found = {};
    for (const [name, others] of Object.entries(aliases)) {
      const hit = others.map(key).find((one) => places.has(one));
      if (hit !== undefined) found[name] = places.get(hit);
    }
    return found;
  };

  // A number, or NaN for what stands for a missing value: blank, text, the survey's sentinels.
  const toNumber = (value, sentinel) => {
    const read = typeof value === "number" ? value : value === "" ? NaN : Number(value);
    return read <= sentinel ? NaN : read;
  };

  return { parseCsv, parseFits, matchInputs, toNumber };
})();
if (typeof module !== "undefined") module.exports = tables;
