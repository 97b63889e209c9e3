// The box with `data-tick` ticks all boxes of its form that have that name, and shows whether none, some or all are.
for (const all of document.querySelectorAll("input[data-tick]")) {
  const boxes = [...all.form.querySelectorAll(`input[name="${all.dataset.tick}"]`)];
  const show = () => {
    const ticked = boxes.filter(box => box.checked).length;
    all.checked = ticked === boxes.length;
    all.indeterminate = ticked > 0 && ticked < boxes.length;
  };
  all.addEventListener("change", () => { for (const box of boxes) box.checked = all.checked; });
  for (const box of boxes) box.addEventListener("change", show);
  show();
}
