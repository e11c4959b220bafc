export class Controls {
  constructor() {}
  forNode() { return { element: document.createElement("div"), update() {} }; }
  update() {}
}
