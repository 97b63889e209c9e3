// Each part of the script stands in its own block. What only works with a script is shown from here on (`.scripted`).
"use strict";
document.documentElement.classList.add("js");
