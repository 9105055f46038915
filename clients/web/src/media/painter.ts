// Draws small pictures large: cubic interpolation and a light sharpening on the GPU, the browser's own scaling without one.

export type Picture = HTMLVideoElement | ImageBitmap;

const VERTEX = `#version 300 es
out vec2 at;
void main() {
  vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1) * 2.0;
  at = vec2(corner.x, 1.0 - corner.y);
  gl_Position = vec4(corner * 2.0 - 1.0, 0.0, 1.0);
}`;

// Catmull-Rom in nine reads: the two inner weights of each axis are one read between two texels.
const FRAGMENT = `#version 300 es
precision highp float;
uniform sampler2D picture;
uniform float sharpness;
in vec2 at;
out vec4 colour;
void main() {
  vec2 size = vec2(textureSize(picture, 0));
  vec2 centre = floor(at * size - 0.5) + 0.5;
  vec2 f = at * size - centre;
  vec2 before = f * (-0.5 + f * (1.0 - 0.5 * f));
  vec2 here = 1.0 + f * f * (-2.5 + 1.5 * f);
  vec2 next = f * (0.5 + f * (2.0 - 1.5 * f));
  vec2 after = f * f * (-0.5 + 0.5 * f);
  vec2 inner = here + next;
  vec2 x0 = (centre - 1.0) / size, x1 = (centre + next / inner) / size, x2 = (centre + 2.0) / size;
  vec3 cubic =
    (texture(picture, vec2(x0.x, x0.y)).rgb * before.x + texture(picture, vec2(x1.x, x0.y)).rgb * inner.x
      + texture(picture, vec2(x2.x, x0.y)).rgb * after.x) * before.y
    + (texture(picture, vec2(x0.x, x1.y)).rgb * before.x + texture(picture, vec2(x1.x, x1.y)).rgb * inner.x
      + texture(picture, vec2(x2.x, x1.y)).rgb * after.x) * inner.y
    + (texture(picture, vec2(x0.x, x2.y)).rgb * before.x + texture(picture, vec2(x1.x, x2.y)).rgb * inner.x
      + texture(picture, vec2(x2.x, x2.y)).rgb * after.x) * after.y;
  vec2 texel = 1.2 / size;
  vec3 around = 0.25 * (texture(picture, at + vec2(texel.x, 0.0)).rgb + texture(picture, at - vec2(texel.x, 0.0)).rgb
    + texture(picture, at + vec2(0.0, texel.y)).rgb + texture(picture, at - vec2(0.0, texel.y)).rgb);
  // Bounded, so that edges get no bright rims and the stains of compression stay small.
  vec3 detail = clamp(cubic - around, -0.12, 0.12);
  colour = vec4(cubic + sharpness * detail, 1.0);
}`;

const SHARPNESS = 0.35;
const LARGEST_SIDE = 1024;

export class Painter {
  readonly #canvas: HTMLCanvasElement;
  readonly #gl: WebGL2RenderingContext | null;
  readonly #flat: CanvasRenderingContext2D | null;

  constructor(canvas: HTMLCanvasElement) {
    this.#canvas = canvas;
    const gl = hasGpu() ? canvas.getContext("webgl2", { alpha: false, antialias: false }) : null;
    this.#gl = gl && prepare(gl) ? gl : null;
    // A canvas that has given one context gives no other.
    this.#flat = gl ? null : canvas.getContext("2d", { alpha: false });
  }

  draw(picture: Picture): void {
    const side = this.#fit(picture);
    if (this.#gl) {
      const gl = this.#gl;
      gl.viewport(0, 0, side, side);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGB, gl.RGB, gl.UNSIGNED_BYTE, picture);
      gl.drawArrays(gl.TRIANGLES, 0, 3);
    } else if (this.#flat) {
      this.#flat.imageSmoothingQuality = "high";
      this.#flat.drawImage(picture, 0, 0, side, side);
    }
  }

  /** As many pixels as the screen shows; without a GPU the picture's own, and the browser scales. */
  #fit(picture: Picture): number {
    const own = picture instanceof ImageBitmap ? picture.width : picture.videoWidth;
    const shown = Math.round(this.#canvas.clientWidth * devicePixelRatio);
    const side = this.#gl ? Math.max(own, Math.min(LARGEST_SIDE, shown)) : own;
    if (this.#canvas.width !== side) this.#canvas.width = this.#canvas.height = side;
    return side;
  }
}

/** A GPU that is played by the CPU is slower than the browser's own scaling, and takes cores that the model may need. */
function hasGpu(): boolean {
  const gl = document.createElement("canvas").getContext("webgl2", { failIfMajorPerformanceCaveat: true });
  if (!gl) return false;
  const names = gl.getExtension("WEBGL_debug_renderer_info");
  const renderer = names ? String(gl.getParameter(names.UNMASKED_RENDERER_WEBGL)) : "";
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return !/swiftshader|llvmpipe|software|basic render/i.test(renderer);
}

function prepare(gl: WebGL2RenderingContext): boolean {
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]] as const) {
    const shader = gl.createShader(kind);
    if (!shader) return false;
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) return false;
  gl.useProgram(program);
  gl.uniform1f(gl.getUniformLocation(program, "sharpness"), SHARPNESS);
  gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
  for (const side of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, side, gl.CLAMP_TO_EDGE);
  for (const filter of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, filter, gl.LINEAR);
  return true;
}
