// Sorts and filters the tables of designs; what is chosen stands in the fragment of the address, to be shared.
(() => {
  "use strict";
  const bar = document.getElementById("controls");
  const TARGET = "target";
  const tables = [...document.querySelectorAll("table.rows")].map(read);
  if (!bar || !tables.length) return;
  const RANK = tables[0].names[0];

  function read(table) {
    const heads = [...table.tHead.rows[0].cells];
    const rows = [...table.tBodies[0].rows].map((line) => ({ line, cells: [...line.cells].map((c) => c.textContent) }));
    return {
      table,
      heads,
      rows,
      names: heads.map((head) => head.textContent),
      naming: new Set(heads.filter((head) => "f" in head.dataset).map((head) => head.textContent)),
      same: { ...JSON.parse(table.dataset.same), [TARGET]: table.dataset.target },
    };
  }

  // A number as it is shown, "1.5 ± 0.2", "(1.5 ± 0.2)e-05", "3 (1–9)"; what is none comes last.
  function value(text) {
    const found = /^\(?(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)(?:[^()]*\)(e[+-]?\d+))?/.exec(text);
    return found ? Number(found[1] + (found[2] || "")) : null;
  }

  function compare(a, b, down) {
    const numbers = [value(a), value(b)];
    if (numbers[0] !== null && numbers[1] !== null) return (numbers[0] - numbers[1]) * (down ? -1 : 1);
    if (numbers[0] !== null || numbers[1] !== null) return numbers[0] === null ? 1 : -1;
    return a.localeCompare(b) * (down ? -1 : 1);
  }

  const names = [...new Set(tables.flatMap((each) => each.names))];
  const filters = new Map();
  for (const each of tables) {
    for (const name of [TARGET, ...each.naming]) {
      const values = filters.get(name) || new Set();
      if (name in each.same) values.add(each.same[name]);
      const place = each.names.indexOf(name);
      if (place >= 0) for (const row of each.rows) for (const part of row.cells[place].split(" = ")) values.add(part);
      filters.set(name, values);
    }
  }
  for (const each of tables) {
    for (const [name, text] of Object.entries(each.same)) {
      if (filters.has(name)) for (const part of text.split(" = ")) filters.get(name).add(part);
    }
  }
  for (const [name, values] of filters) if (values.size < 2) filters.delete(name);

  let state = fromAddress();

  function fromAddress() {
    const told = new URLSearchParams(location.hash.slice(1));
    const chosen = new Map();
    for (const [name, values] of filters) if (values.has(told.get(name))) chosen.set(name, told.get(name));
    const sort = names.includes(told.get("sort")) ? told.get("sort") : RANK;
    const hidden = new Set(told.getAll("hide").filter((name) => name !== RANK && names.includes(name)));
    return { sort, down: told.get("order") === "down", chosen, hidden };
  }

  function toAddress() {
    const told = new URLSearchParams();
    if (state.sort !== RANK || state.down) told.set("sort", state.sort);
    if (state.down) told.set("order", "down");
    for (const [name, text] of state.chosen) told.set(name, text);
    for (const name of state.hidden) told.append("hide", name);
    const text = `#${told}`;
    if (text === location.hash || (text === "#" && !location.hash.includes("="))) return;
    try {
      history.replaceState(null, "", text === "#" ? location.pathname + location.search : text);
    } catch {
      location.hash = text;
    }
  }

  function has(each, row, name, wanted) {
    const place = each.names.indexOf(name);
    const text = place >= 0 ? row.cells[place] : each.same[name];
    return text !== undefined && text.split(" = ").includes(wanted);
  }

  function show() {
    let visible = 0;
    let all = 0;
    for (const each of tables) {
      const place = Math.max(0, each.names.indexOf(state.sort));
      const down = state.down && each.names[place] === state.sort;
      const ordered = [...each.rows].sort((a, b) => compare(a.cells[place], b.cells[place], down));
      const body = each.table.tBodies[0];
      for (const row of ordered) {
        row.line.hidden = ![...state.chosen].every(([name, wanted]) => has(each, row, name, wanted));
        visible += !row.line.hidden;
        all += 1;
      }
      body.append(...ordered.map((row) => row.line));
      each.heads.forEach((head, i) => {
        if (i === place) head.setAttribute("aria-sort", down ? "descending" : "ascending");
        else head.removeAttribute("aria-sort");
        const away = state.hidden.has(each.names[i]);
        if (head.hidden !== away) {
          head.hidden = away;
          for (const row of each.rows) row.line.cells[i].hidden = away;
        }
      });
    }
    status.textContent = `${visible} of ${all} designs are shown.`;
    order.value = state.sort;
    for (const [name, select] of selects) select.value = state.chosen.get(name) || "";
    for (const [name, box] of boxes) box.checked = !state.hidden.has(name);
    toAddress();
  }

  function make(tag, words, ...inner) {
    const made = document.createElement(tag);
    if (words) made.textContent = words;
    made.append(...inner);
    return made;
  }

  function labelled(words, control) {
    const label = make("label", words);
    label.append(control);
    return label;
  }

  function select(options, change) {
    const made = make("select");
    for (const [text, shown] of options) made.add(new Option(shown, text));
    made.addEventListener("change", () => change(made.value));
    return made;
  }

  function sortBy(name, down) {
    state.sort = name;
    state.down = down;
    show();
  }

  const byNumber = (a, b) => a.localeCompare(b, "en", { numeric: true });
  const order = select(names.map((name) => [name, name]), (name) => sortBy(name, false));
  const selects = new Map();
  for (const [name, values] of filters) {
    const options = [["", "all"], ...[...values].sort(byNumber).map((text) => [text, text])];
    const made = select(options, (text) => {
      if (text) state.chosen.set(name, text);
      else state.chosen.delete(name);
      show();
    });
    selects.set(name, made);
  }
  const boxes = new Map();
  const columns = make("fieldset", "", make("legend", "Columns that are shown"));
  for (const name of names.filter((each) => each !== RANK)) {
    const box = make("input");
    box.type = "checkbox";
    box.addEventListener("change", () => {
      if (box.checked) state.hidden.delete(name);
      else state.hidden.add(name);
      show();
    });
    boxes.set(name, box);
    const label = labelled(name, box);
    label.className = "check";
    columns.append(label);
  }
  const reset = make("button", "Show all, by rank");
  reset.type = "button";
  reset.addEventListener("click", () => {
    state = { sort: RANK, down: false, chosen: new Map(), hidden: new Set() };
    show();
  });
  const status = make("p");
  status.setAttribute("role", "status");

  // Designs that are ticked are compared on a page of their own, where the board has one.
  const compared = document.querySelector('a[href="compare.html"]');
  const ticked = new Set();
  const chosen = make("p");
  function tick(box, id) {
    if (box.checked) ticked.add(id);
    else ticked.delete(id);
    const link = make("a", `Compare the ${ticked.size} that are ticked`);
    link.href = `compare.html#rows=${[...ticked].join(",")}`;
    chosen.replaceChildren(ticked.size > 1 ? link : "Tick designs of one target to compare them.");
  }
  if (compared) {
    chosen.textContent = "Tick designs of one target to compare them.";
    for (const row of tables.flatMap((each) => each.rows)) {
      const link = row.line.cells[0].querySelector("a");
      if (!link) continue;
      const box = make("input");
      box.type = "checkbox";
      box.setAttribute("aria-label", `compare rank ${link.textContent}`);
      const id = /([^/]+)\.html$/.exec(link.getAttribute("href"))[1];
      box.addEventListener("change", () => tick(box, id));
      row.line.cells[0].prepend(box);
    }
  }
  for (const [name, made] of selects) bar.append(labelled(name, made));
  bar.append(labelled("order by", order), reset, make("details", "", make("summary", "Columns"), columns), status, chosen);
  bar.setAttribute("role", "group");
  bar.setAttribute("aria-label", "Sort and filter");
  bar.hidden = false;

  for (const each of tables) {
    each.heads.forEach((head, i) => {
      const button = make("button", each.names[i]);
      button.type = "button";
      button.addEventListener("click", () => sortBy(each.names[i], state.sort === each.names[i] && !state.down));
      head.replaceChildren(button);
    });
  }
  window.addEventListener("hashchange", () => {
    if (location.hash.includes("=") || !location.hash) {
      state = fromAddress();
      show();
    }
  });
  show();
})();
