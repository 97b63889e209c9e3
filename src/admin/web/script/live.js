
// An element with `data-live` is filled every few seconds with what that address answers: while its page is seen, until
// the button with `data-pause` is pressed, and never under the hands of somebody who is at one of its links or selects text.
for (const live of document.querySelectorAll("[data-live]")) {
  const EVERY_MS = 4000;
  const button = document.querySelector("button[data-pause]");
  const state = document.querySelector("[data-live-state]");
  const runs = state.textContent;
  let timer, asked = 0, isPaused = false;
  const isStill = () => isPaused || document.hidden;
  // The same words again would be read aloud again.
  const say = text => { if (state.textContent !== text) state.textContent = text; };
  const isInUse = () => live.contains(document.activeElement)
    || (!getSelection().isCollapsed && live.contains(getSelection().anchorNode));
  const later = () => { clearTimeout(timer); if (!isStill()) timer = setTimeout(refresh, EVERY_MS); };
  const refresh = async () => {
    const turn = ++asked;
    if (isInUse()) return later();
    try {
      const answer = await fetch(live.dataset.live);
      const list = await answer.text();
      if (turn !== asked || isStill()) return;
      // Signed out meanwhile: the page itself leads to where one signs in.
      if (answer.redirected) return location.reload();
      if (answer.ok && !isInUse()) live.innerHTML = list;
      say(answer.ok ? runs : "The server is busy: trying again.");
    } catch {
      if (turn !== asked || isStill()) return;
      say("The server does not answer: trying again.");
    }
    later();
  };
  const go = () => { if (isStill()) clearTimeout(timer); else refresh(); };
  button.addEventListener("click", () => {
    isPaused = !isPaused;
    button.textContent = isPaused ? "Resume" : "Pause";
    say(isPaused ? "Paused." : runs);
    go();
  });
  document.addEventListener("visibilitychange", go);
  later();
}
