// Two characters with transparent backgrounds in one drawn scene.

import { Npcs } from "./npc.js";

const SOUND_RATE_HZ = 48_000;
const LEAD_S = 0.1;
const CAST = {
  guard: { character: "seed:900005", x: 150, greeting: "Halt! Who goes there?" },
  merchant: { character: "seed:900007", x: 550, greeting: "Never mind him. Would you like an apple?" },
};

const canvas = document.getElementById("scene");
const context = canvas.getContext("2d");
const pictures = new Map();
let sound = null;
let started_s = null;

function draw() {
  context.fillStyle = "#9cc9e8";
  context.fillRect(0, 0, canvas.width, 300);
  context.fillStyle = "#7da35c";
  context.fillRect(0, 300, canvas.width, 100);
  for (const [id, bitmap] of pictures) context.drawImage(bitmap, CAST[id].x, 120, 256, 256);
  requestAnimationFrame(draw);
}

/** All characters share the server's clock, so one offset places the sound of all. */
function play({ due_s, samples }) {
  started_s ??= due_s - sound.currentTime - LEAD_S;
  const buffer = sound.createBuffer(1, samples.length, SOUND_RATE_HZ);
  buffer.getChannelData(0).set(Float32Array.from(samples, (sample) => sample / 32_768));
  const source = sound.createBufferSource();
  source.buffer = buffer;
  source.connect(sound.destination);
  const at_s = due_s - started_s;
  if (at_s >= sound.currentTime) source.start(at_s);
}

document.getElementById("door").addEventListener("submit", (event) => {
  event.preventDefault();
  sound = new AudioContext({ sampleRate: SOUND_RATE_HZ });
  const npcs = new Npcs(document.getElementById("server").value, document.getElementById("token").value);
  npcs.addEventListener("picture", ({ detail }) => {
    pictures.get(detail.id)?.close();
    pictures.set(detail.id, detail.bitmap);
  });
  npcs.addEventListener("sound", ({ detail }) => play(detail));
  npcs.addEventListener("message", ({ detail }) => {
    if (detail.type === "hello") for (const [id, { character }] of Object.entries(CAST)) npcs.send("join", id, { character, alpha: true });
    if (detail.type === "joined") npcs.send("say", detail.id, { text: CAST[detail.id].greeting });
    // Not every model can tell its background apart.
    if (detail.code === "unsupported" && detail.id in CAST) npcs.send("join", detail.id, { character: CAST[detail.id].character });
    else if (detail.type === "words" || detail.type === "error") document.getElementById("said").textContent = detail.text ?? detail.message;
  });
});

draw();
