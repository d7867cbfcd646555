"""What anyone must be able to see and read of a page: headings, names of controls, contrast, and no sideways scrolling."""

HEADINGS = """[...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].filter((heading) => heading.checkVisibility())
  .map((heading) => [Number(heading.tagName[1]), heading.innerText.trim()])"""

# The ratio of WCAG 2.2, 1.4.3: 4.5, or 3 for large text. Text in a disabled control may have less.
CONTRAST = """(() => {
  const parse = (text) => {
    const parts = text.match(/[\\d.]+/g).map(Number);
    const scale = text.startsWith("color(srgb") ? 255 : 1;
    return { color: parts.slice(0, 3).map((part) => part * scale), alpha: parts.length > 3 ? parts[3] : 1 };
  };
  const over = (top, below) => top.color.map((part, index) => part * top.alpha + below[index] * (1 - top.alpha));
  const backgroundOf = (element) => {
    const layers = [];
    for (let node = element; node; node = node.parentElement) {
      const layer = parse(getComputedStyle(node).backgroundColor);
      if (layer.alpha > 0) layers.push(layer);
      if (layer.alpha === 1) break;
    }
    const canvas = matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18] : [255, 255, 255];
    return layers.reduceRight((below, layer) => over(layer, below), canvas);
  };
  const luminance = (color) => {
    const [red, green, blue] = color.map((part) => part / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const low = {};
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.textContent.trim();
    if (!text || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    if (["SCRIPT", "STYLE", "NOSCRIPT"].includes(element.tagName) || element.closest(":disabled, [aria-disabled=true]")) continue;
    const style = getComputedStyle(element);
    const background = backgroundOf(element);
    const ink = parse(style.color);
    for (let node = element; node; node = node.parentElement) ink.alpha *= Number(getComputedStyle(node).opacity);
    const [high, dim] = [luminance(over(ink, background)), luminance(background)].sort((one, other) => other - one);
    const ratio = (high + 0.05) / (dim + 0.05);
    const size = parseFloat(style.fontSize);
    const needed = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
    if (ratio < needed) low[`${element.tagName.toLowerCase()}.${element.className}`] = `${ratio.toFixed(2)} for ${text.slice(0, 40)}`;
  }
  return Object.entries(low).map(([place, finding]) => `${place}: ${finding}`);
})()"""

CONTROLS = {"button", "link", "textbox", "searchbox", "combobox", "listbox", "checkbox", "radio", "spinbutton", "slider", "switch"}


def faults(page, name):
    """One line for each thing that is wrong."""
    # A color on its way to another is looked at where it comes to rest; what moves for ever is halted.
    page.run("document.getAnimations().forEach((animation) => { try { animation.finish(); } catch { animation.cancel(); } })")
    found = [f"low contrast: {place}" for place in page.run(CONTRAST)]
    headings = page.run(HEADINGS)
    if [level for level, _ in headings].count(1) != 1:
        found.append(f"not one main heading: {headings}")
    for (level, _), (next_level, text) in zip(headings, headings[1:]):
        if next_level > level + 1:
            found.append(f"a heading of level {next_level} follows one of level {level}: {text}")
    for node in page.send("Accessibility.getFullAXTree")["nodes"]:
        if not node["ignored"] and node["role"]["value"] in CONTROLS and not node.get("name", {}).get("value", "").strip():
            element = page.send("DOM.describeNode", backendNodeId=node["backendDOMNodeId"])["node"]
            found.append(f"a {node['role']['value']} without a name: {element['localName']} {element.get('attributes')}")
    sideways = page.run("document.documentElement.scrollWidth - innerWidth")
    if sideways > 0:
        widest = page.run("""[...document.querySelectorAll("body *")].filter((element) => element.getBoundingClientRect().right > innerWidth)
          .map((element) => `${element.tagName.toLowerCase()}.${element.className}`).slice(0, 5)""")
        found.append(f"{sideways} pixels wider than the window: {widest}")
    if page.run("document.documentElement.lang") != "en" or not page.run("document.title"):
        found.append("no language or no title")
    return [f"{name}: {fault}" for fault in found]
