// Compares designs of one target of a board; which ones stands in the fragment of the address, to be shared.
(() => {
  "use strict";
  const place = document.getElementById("compare");
  const MOST = 8;
  const OPEN = "whether they are told apart does not follow from the document";
  const NAMES = 0, RANKS = 1, STATUS = 2, COST = 3, METRICS = 4, BOUNDS = 5;
  if (!place || typeof boardRows === "undefined") return;
  const targets = new Map(Object.entries(boardRows.targets));
  const home = new Map();
  for (const [target, each] of targets) for (const id of Object.keys(each.rows)) home.set(id, target);

  let state = fromAddress();

  function fromAddress() {
    const told = new URLSearchParams(location.hash.slice(1)).get("rows") || "";
    const known = [...new Set(told.split(",").filter((id) => home.has(id)))];
    const target = known.length ? home.get(known[0]) : targets.keys().next().value;
    const chosen = known.filter((id) => home.get(id) === target);
    return { target, chosen: chosen.slice(0, MOST), dropped: known.length - Math.min(chosen.length, MOST) };
  }

  function toAddress() {
    const text = `#rows=${state.chosen.join(",")}`;
    if (text === location.hash || (!state.chosen.length && !location.hash)) return;
    try {
      history.replaceState(null, "", text);
    } catch {
      location.hash = text;
    }
  }

  function make(tag, words, ...inner) {
    const made = document.createElement(tag);
    if (words) made.textContent = words;
    made.append(...inner);
    return made;
  }

  function rankWords(ranks) {
    if (!ranks) return "not ranked";
    return ranks[1] === ranks[2] ? `${ranks[0]}` : `${ranks[0]} (${ranks[1]}–${ranks[2]})`;
  }

  const letter = (i) => String.fromCharCode(65 + i);

  // What is told of two closed intervals: which is below the other, or that they overlap.
  function told(a, b) {
    if (!a || !b || [...a, ...b].some((end) => end === null)) return "";
    if (a[1] < b[0]) return "first";
    if (b[1] < a[0]) return "second";
    return "overlap";
  }

  function pairs(count) {
    const found = [];
    for (let i = 0; i < count; i += 1) for (let j = i + 1; j < count; j += 1) found.push([i, j]);
    return found;
  }

  // "A below B, C; B, C overlap", of the intervals of one line.
  function judged(intervals, below) {
    const parts = [];
    const open = [];
    for (const [i, j] of pairs(intervals.length)) {
      const found = told(intervals[i], intervals[j]);
      if (found === "first") parts.push(`${letter(i)} ${below} ${letter(j)}`);
      else if (found === "second") parts.push(`${letter(j)} ${below} ${letter(i)}`);
      else if (found === "overlap") open.push(`${letter(i)} and ${letter(j)}`);
    }
    if (open.length) parts.push(`${open.join(", ")} overlap`);
    return parts.join("; ");
  }

  function line(head, cells, end) {
    const made = make("tr");
    const name = make("th", head);
    name.scope = "row";
    name.className = "l";
    made.append(name);
    for (const cell of cells) made.append(cell instanceof Node ? cell : make("td", cell === null ? "n/a" : String(cell)));
    const last = make("td", end);
    last.className = "l";
    made.append(last);
    return made;
  }

  function header(id, i, names) {
    const made = make("th");
    made.scope = "col";
    const link = make("a", `${letter(i)}: ${names.join(" · ")}`);
    link.href = `${boardRows.folder}/${id}.html`;
    const away = make("button", "remove");
    away.type = "button";
    away.setAttribute("aria-label", `remove ${letter(i)}`);
    away.addEventListener("click", () => {
      state.chosen = state.chosen.filter((each) => each !== id);
      show();
      top.querySelector("button").focus();
    });
    made.append(link, make("br"), away);
    return made;
  }

  function table(found, rows) {
    const made = make("table");
    made.append(make("caption", `Designs on ${state.target}, side by side`));
    const first = make("tr");
    const corner = make("th", "what");
    corner.scope = "col";
    first.append(corner, ...state.chosen.map((id, i) => header(id, i, rows[i][NAMES])));
    const end = make("th", "told");
    end.scope = "col";
    end.className = "l";
    first.append(end);
    made.append(make("thead", "", first));
    const body = make("tbody");
    const ranks = rows.map((row) => row[RANKS] && row[RANKS].slice(1));
    body.append(line(`rank by ${found.metric}`, rows.map((row) => rankWords(row[RANKS])), judged(ranks, "better than")));
    if (rows.some((row) => row[STATUS])) body.append(line("why not", rows.map((row) => row[STATUS]), ""));
    found.fields.forEach((name, k) => {
      const values = rows.map((row) => row[NAMES][k]);
      body.append(line(name, values, new Set(values).size > 1 ? "differs" : "same"));
    });
    found.metrics.forEach((name, k) => {
      const values = rows.map((row) => row[METRICS][k]);
      if (values.every((each) => each === null)) return;
      const intervals = values.map((each) => each && each.slice(1));
      body.append(line(name, values.map((each) => each && each[0]), judged(intervals, "below")));
    });
    found.bounds.forEach((name, k) => {
      const values = rows.map((row) => row[BOUNDS][k]);
      if (values.some((each) => each !== null)) body.append(line(`bound: ${name}`, values, ""));
    });
    body.append(line("evaluations a sample (NFE)", rows.map((row) => row[COST][0]), ""));
    if (rows.some((row) => row[COST][1] !== null)) {
      body.append(line("evaluations, training and sampling", rows.map((row) => row[COST][1]), ""));
    }
    made.append(body);
    return made;
  }

  // The sentence that answers: by the metric that ranks alone.
  function answer(found, rows) {
    if (rows.length < 2) return "Choose two designs or more of one target.";
    const apart = [];
    const open = [];
    for (const [i, j] of pairs(rows.length)) {
      const [a, b] = [rows[i][RANKS], rows[j][RANKS]];
      const found_ = told(a && a.slice(1), b && b.slice(1));
      if (found_ === "first") apart.push(`${letter(i)} is better than ${letter(j)}`);
      else if (found_ === "second") apart.push(`${letter(j)} is better than ${letter(i)}`);
      else if (found_ === "overlap") open.push(`${letter(i)} and ${letter(j)}`);
    }
    const parts = [];
    if (apart.length) parts.push(`by ${found.metric} ${apart.join(", ")}: their rank sets do not overlap`);
    if (open.length) parts.push(`by ${found.metric} the rank sets of ${open.join(", ")} overlap: ${OPEN}`);
    const words = parts.join("; ") || "not all of them are ranked";
    return `${words[0].toUpperCase()}${words.slice(1)}.`;
  }

  function select(words, options, chosen, change) {
    const made = make("select");
    for (const [value, text] of options) made.add(new Option(text, value));
    made.value = chosen;
    made.addEventListener("change", () => change(made.value));
    const label = make("label", words);
    label.append(made);
    return label;
  }

  function chooser(found) {
    const made = make("div");
    made.className = "controls";
    made.setAttribute("role", "group");
    made.setAttribute("aria-label", "Choose designs");
    if (targets.size > 1) {
      const options = [...targets.keys()].map((name) => [name, name]);
      made.append(select("target", options, state.target, (name) => {
        state = { target: name, chosen: [], dropped: 0 };
        show();
      }));
    }
    const rank = ([, row]) => (row[RANKS] ? row[RANKS][0] : Infinity);
    const left = Object.entries(found.rows).filter(([id]) => !state.chosen.includes(id));
    left.sort((a, b) => (rank(a) === rank(b) ? 0 : rank(a) - rank(b)));
    const options = left.map(([id, row]) => [id, `${rankWords(row[RANKS])}: ${row[NAMES].join(" · ")}`]);
    if (state.chosen.length < MOST) {
      // What a select says changes with every arrow key: nothing is added before the button is pressed.
      const label = select("another design", options, options.length ? options[0][0] : "", () => {});
      const add = make("button", "Add");
      add.type = "button";
      add.addEventListener("click", () => {
        const id = label.querySelector("select").value;
        if (id) state.chosen.push(id);
        show();
        (top.querySelector("button") || place).focus();
      });
      made.append(label, add);
    }
    return made;
  }

  function show() {
    const found = targets.get(state.target);
    const rows = state.chosen.map((id) => found.rows[id]);
    const parts = [];
    if (state.dropped) {
      parts.push(make("p", `${state.dropped} more of the address are left out: of another target, or beyond ${MOST}.`));
    }
    if (rows.length) {
      const wide = make("div", "", table(found, rows));
      wide.className = "wide";
      wide.tabIndex = 0;
      wide.setAttribute("role", "region");
      wide.setAttribute("aria-label", "Designs side by side");
      parts.push(wide);
    }
    if (found.same.length) parts.push(make("p", `All designs on ${state.target} have: ${found.same.join(", ")}.`));
    top.replaceChildren(chooser(found));
    status.textContent = answer(found, rows);
    rest.replaceChildren(...parts);
    toAddress();
  }

  // What is told stays in its place, for screen readers to say what changes in it.
  const top = make("div");
  const status = make("p");
  const rest = make("div");
  status.setAttribute("role", "status");
  place.append(top, status, rest);
  place.hidden = false;
  window.addEventListener("hashchange", () => {
    state = fromAddress();
    show();
  });
  show();
})();
