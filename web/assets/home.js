// Shows on the start page what /ready says.
function row(name, cells) {
  const row = document.createElement("tr");
  const head = document.createElement("th");
  head.scope = "row";
  head.textContent = name;
  row.append(head, ...cells.map(([text, kind]) => {
    const cell = document.createElement("td");
    cell.textContent = text;
    if (kind) cell.className = kind;
    return cell;
  }));
  return row;
}

async function show() {
  const status = document.getElementById("status");
  try {
    const answer = await fetch("/ready", { cache: "no-store" });
    const { status: word, checks, projections } = await answer.json();
    const down = Object.entries(checks).filter(([, check]) => check.status !== "up").map(([name]) => name);
    status.textContent = word !== "ready" ? `Not ready: ${down.join(", ")} does not answer.`
      : down.length > 0 ? `Ready, but ${down.join(", ")} does not answer.` : "Ready.";
    status.className = `status ${word === "ready" ? "good" : "bad"}`;
    document.getElementById("checks").replaceChildren(...Object.entries(checks).map(([name, check]) =>
      row(name, [[check.status, check.status === "up" ? "good" : "bad"]])));
    document.getElementById("projections").replaceChildren(...Object.entries(projections).map(([name, model]) =>
      row(name, [[model.status, model.status === "current" ? "good" : "bad"], [model.position, "number"], [model.lag, "number"]])));
    document.getElementById("parts").hidden = false;
  } catch {
    status.textContent = "It does not answer.";
    status.className = "status bad";
  }
}

show();
setInterval(() => { if (!document.hidden) show(); }, 10_000);
