// Where the build put what is fetched by name.
declare const PLAYER: string;
declare const MICROPHONE: string;
declare const ICON: string;
