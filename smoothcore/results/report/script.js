// The theme follows the system until the reader chooses; the choice is kept where the browser allows.
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  let chosen = null;
  try { chosen = localStorage.getItem("theme"); } catch { /* storage is off for files */ }
  if (chosen) root.dataset.theme = chosen;

  const followTheme = () => {
    const button = document.getElementById("theme");
    const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
    const name = () => { button.textContent = isDark() ? "Light theme" : "Dark theme"; };
    button.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      try { localStorage.setItem("theme", root.dataset.theme); } catch { /* only this page then */ }
      name();
    });
    system.addEventListener("change", name);
    name();
  };

  // A click on a column's head sorts by it, a second one turns the order round; no value goes last.
  const key = (row, column) => {
    const cell = row.cells[column];
    const text = cell.dataset.value ?? cell.innerText.trim().replaceAll("−", "-").replaceAll(",", "");
    if (text === "" || text === "nan" || text === "–") return null;
    const number = text === "inf" ? Infinity : parseFloat(text);
    return Number.isNaN(number) || cell.matches(".text, th") ? text : number;
  };
  const sortable = (table) => {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      // not innerText, which is empty in a closed <details>
      if (!head.textContent.trim() || head.querySelector(".hidden")) return;
      const button = document.createElement("button");
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const sign = head.ariaSort === "ascending" ? -1 : 1;
        for (const other of table.tHead.rows[0].cells) other.ariaSort = null;
        head.ariaSort = sign > 0 ? "ascending" : "descending";
        const rows = [...table.tBodies[0].rows].map((row) => [key(row, column), row]);
        rows.sort(([a], [b]) => (a === null) - (b === null) || sign * (a < b ? -1 : a > b ? 1 : 0));
        table.tBodies[0].append(...rows.map(([, row]) => row));
      });
    });
  };

  // "4-9" shows one pair, "4" every pair with that digit.
  const filtered = (table) => {
    const label = document.createElement("label");
    const input = document.createElement("input");
    const count = document.createElement("span");
    count.setAttribute("role", "status");
    label.className = "filter";
    input.placeholder = "4-9, or 4";
    label.append("Pair", input, count);
    table.closest(".scroll").before(label);
    input.addEventListener("input", () => {
      // 9-4, 49 and 4–9 are the same pair
      const digits = input.value.match(/\d/g) ?? [];
      let shown = 0;
      for (const row of table.tBodies[0].rows) {
        const fits = digits.length > 0 && digits.every((digit) => row.cells[0].textContent.includes(digit));
        row.hidden = input.value.trim() !== "" && !fits;
        shown += !row.hidden;
      }
      count.textContent = shown ? ` ${shown} row${shown === 1 ? "" : "s"}` : " no such pair";
    });
  };

  addEventListener("DOMContentLoaded", () => {
    followTheme();
    document.querySelectorAll("table.numbers").forEach(sortable);
    document.querySelectorAll("table[data-pairs]").forEach(filtered);
  });
})();
