// A form with `data-preview` asks that address what would become of it, and shows the answer in its `.preview`.
for (const form of document.querySelectorAll("form[data-preview]")) {
  const PAUSE_MS = 250;
  let timer, asked = 0;
  const show = async () => {
    const turn = ++asked;
    const body = new URLSearchParams(new FormData(form));
    try {
      const answer = await fetch(form.dataset.preview, { method: "POST", body });
      // An answer that was overtaken, or a refusal: the button says what is wrong.
      if (turn !== asked || !answer.ok || answer.redirected) return;
      form.querySelector(".preview").innerHTML = await answer.text();
    } catch {
      // The server is away: the form still works once it is back.
    }
  };
  form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(show, PAUSE_MS); });
}

// Files that are dropped anywhere on a page go into the input that its form's `data-drop` names, and are sent.
for (const form of document.querySelectorAll("form[data-drop]")) {
  const input = form.elements[form.dataset.drop];
  const hasFiles = event => event.dataTransfer?.types.includes("Files");
  let depth = 0;
  const over = change => { depth = Math.max(0, depth + change); form.classList.toggle("over", depth > 0); };
  addEventListener("dragenter", event => { if (hasFiles(event)) over(1); });
  addEventListener("dragleave", event => { if (hasFiles(event)) over(-1); });
  addEventListener("dragover", event => { if (hasFiles(event)) event.preventDefault(); });
  addEventListener("drop", event => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    over(-depth);
    input.files = event.dataTransfer.files;
    form.requestSubmit();
  });
  input.addEventListener("change", () => { if (input.files.length) form.requestSubmit(); });
}
