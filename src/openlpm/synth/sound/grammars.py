"""Templates and word lists of ``synth.sentences``, one pair a language; ``|`` separates words."""

GRAMMARS: dict[str, tuple[str, dict[str, str]]] = {
    "en": (
        """
        {name} {past} the {adj} {thing} {place}.
        {name}, could you {do} my {adj} {thing}?
        why would {name} {do} a {adj} {thing} {time}?
        the {adj} {thing} is {place}, and the {adj2} one is gone.
        I think we should {do} the {thing} before {name} comes home.
        wow, what a {adj} {thing} that was!
        {opener}, {name} {past} both of the {thing}s {time}.
        do you remember the {adj} {thing} {place}?
        maybe we can {do} it together, {time}.
        nobody knew whose {thing} it was, but {name} {past} it.
        {opener}, my mother {past} five {adj} {thing}s and a {thing2}.
        please, {do} the {thing}, then {do2} the {thing2}.
        where have you put the {adj} {thing}?
        oh no, {name} never {past} the {thing2}!
        {time}, a {adj} {thing} and a {adj2} {thing2} fell off the roof.
        that is three {thing}s for you and one {thing2} for me.
        """,
        {
            "name": "Bob|Emma|Phoebe|Matthew|Viv|Thea|Paul|Molly|Owen|Ruth|Mabel|Fabian|Joe|Becky|Theo|Pam|Rufus|Zoe",
            "past": "bought|moved|found|opened|washed|loved|threw|painted|brought|forgot|followed|shipped|mixed|borrowed",
            "do": "bring|move|fix|open|paint|push|watch|borrow|throw|sample|wrap|measure|improve|follow|show",
            "do2": "keep|remove|smooth|beat|fill|weigh|boil|leave|chew|join|judge|photograph",
            "adj": "big|blue|fabulous|warm|smooth|purple|thick|funny|beautiful|dreadful|pale|rough|tiny|mysterious|cheap|yellow|very old|thoughtful|huge|broken",
            "adj2": "brown|velvet|narrow|lovely|shiny|perfect|modern|foolish|precious|golden|full|bitter",
            "thing": "boat|movie|photo|book|pumpkin|bathtub|map|thumb|puzzle|museum|palace|frog|giraffe|moon|kettle|feather|shop|picture|bubble|mouth|voice|yo-yo|judge|view",
            "thing2": "lamp|bamboo stick|vase|hammer|fork|broom|leaf|pillow|cup|message|bath|mushroom|violin|chair|pear|rainbow",
            "place": "by the river|above the bathroom|in the movie theatre|near the farm|on the north beach|from the village|under the bridge|outside of Boston|in February",
            "time": "this morning|before breakfast|every Thursday|on my birthday|about five months ago|tomorrow evening|at half past four|now",
            "opener": "well|to be fair|believe me|as far as I know|by the way|honestly|you know|of course|hmm",
        },
    ),
    "de": (
        """
        {name} hat {time} {noun} {part}.
        warum möchte {name} {noun} {inf}?
        könntest du bitte {noun} {inf}?
        {noun} ist {adj}, aber {noun2} ist {adj2}.
        ich glaube, wir müssen {noun} {time} {inf}.
        oh, wie {adj} ist denn {noun2}!
        {opener}, {name} und ich haben {noun} {part}.
        weißt du noch, wo {noun} war?
        vielleicht können wir {noun2} zusammen {inf}.
        {time} habe ich {noun} und {noun2} {part}.
        niemand wusste, wie {adj} {noun} wirklich war.
        du und {name}, ihr dürft {noun2} nicht {inf}!
        """,
        {
            "name": "Bruno|Emma|Philipp|Johanna|Uwe|Mia|Moritz|Pauline|Günther|Vera|Thomas|Fabian|Ömer|Sophie",
            "noun": "das Boot|die Blume|das Möbelstück|die Brücke|das Buch|die Bühne|das Pferd|das Meer|die Pfanne|das Museum|die Tür|die Mühle|das Foto|die Pflaume|das Öl",
            "noun2": "die Suppe|die Pfütze|das Fahrrad|das Vöglein|die Wohnung|das Hemd|die Gabel|die Palme|das Pfefferkorn|das Schiff|die Uhr",
            "part": "gefunden|bewegt|gemalt|gekauft|vergessen|aufgebaut|probiert|vermisst|geöffnet|gewaschen|beschrieben|empfohlen",
            "inf": "finden|bewegen|malen|kaufen|vergessen|aufbauen|probieren|öffnen|waschen|mitbringen|vorführen|prüfen",
            "adj": "schön|blau|furchtbar|warm|böse|groß|prima|müde|wunderbar|kaputt|gemütlich|voll",
            "adj2": "übel|braun|modern|offen|bitter|süß|günstig|weich|öde|fabelhaft",
            "time": "heute früh|um fünf Uhr|im Februar|gestern Abend|jeden Morgen|über Ostern|im Sommer",
            "opener": "übrigens|ehrlich gesagt|natürlich|also gut|na ja|komm|pass auf|vermutlich",
        },
    ),
    "fr": (
        """
        {name} a {part} {noun} {time}.
        pourquoi {name} veut {inf} {noun}?
        pouvez-vous {inf} {noun2}, s'il vous plaît?
        {noun} est {adj}, mais {noun2} est {adj2}.
        je pense que nous pouvons {inf} {noun} {time}.
        oh là là, quel bonheur, {inf} {noun2}!
        {opener}, {name} et moi avons {part} {noun}.
        tu te souviens où était {noun}?
        {time}, on va {inf} {noun} et {noun2}.
        personne ne savait si {name} avait {part} {noun2}.
        bonjour {name}, tu as bien {part} {noun2}?
        """,
        {
            "name": "Paul|Émilie|Benoît|Sophie|Bruno|Fabienne|Matthieu|Manon|Hugo|Zoé|Thibault|Aurore|Philippe",
            "noun": "le bateau|la pomme|le beau miroir|la voiture|le vieux manteau|la robe bleue|le poisson|la fenêtre|un bon fromage|le journal|la musique|l'oiseau|la soupe",
            "noun2": "le pont|la plume|le bouquet|un œuf|le feu|la chambre|le vin blanc|une photo|le chapeau|la maison|le tambour",
            "part": "vu|trouvé|oublié|bougé|préparé|ouvert|apporté|mangé|peint|voulu|perdu|emballé",
            "inf": "voir|trouver|oublier|bouger|préparer|ouvrir|apporter|manger|peindre|boire|promener|choisir",
            "adj": "magnifique|superbe|bizarre|énorme|moderne|célèbre|formidable|jaune|splendide",
            "adj2": "fragile|simple|propre|étrange|rouge|minuscule|horrible|pauvre|trop large",
            "time": "ce matin|au mois de juin|aujourd'hui|avant midi|demain soir|tous les jeudis|à huit heures",
            "opener": "franchement|bien sûr|peut-être|à propos|vous savez|en effet|bref|un beau jour",
        },
    ),
    "es": (
        """
        {name} {past} {noun} {time}.
        ¿por qué {name} quiere {inf} {noun}?
        ¿puedes {inf} {noun2}, por favor?
        {noun} es muy {adj}, pero {noun2} no es tan {adj2}.
        creo que vamos a {inf} {noun} {time}.
        ¡qué {adj} es {noun2}!
        {opener}, {name} también {past} {noun}.
        ¿recuerdas dónde estaba {noun}?
        {time}, mi abuela {past} {noun} y {noun2}.
        nadie sabía que {name} {past} {noun2}.
        ¡vaya, hay que {inf} {noun2} ahora mismo!
        """,
        {
            "name": "Pablo|Emma|Felipe|Beatriz|Bruno|Maribel|Julio|Paloma|Tomás|Verónica|Óscar|Fabiola",
            "noun": "el barco|la película|el libro azul|la plaza|el mapa|la bufanda|el pueblo|la ventana|el museo|la foto|el zumo|la manzana|el perro",
            "noun2": "la sopa|el bosque|el vino|la cabeza|un paraguas|la fiesta|el hombre|el caballo|el puente|la luna|la boca",
            "past": "compró|movió|encontró|abrió|pintó|olvidó|preparó|probó|llevó|perdió|buscó",
            "inf": "comprar|mover|encontrar|abrir|pintar|olvidar|preparar|probar|llevar|buscar|empujar|mirar",
            "adj": "importante|grande|interesante|increíble|agradable|elegante|enorme|especial|amable|impresionante",
            "adj2": "simple|breve|feliz|frágil|triste|débil|suave|fuerte|verde",
            "time": "esta mañana|en febrero|por la noche|el jueves|a las nueve|todo el verano|después de comer",
            "opener": "la verdad|por supuesto|además|bueno|mira|por cierto|quizás|en fin",
        },
    ),
    "it": (
        """
        {name} ha {part} {noun} {time}.
        perché {name} vuole {inf} {noun}?
        puoi {inf} {noun2}, per favore?
        {noun} è molto {adj}, ma {noun2} è più {adj2}.
        penso che possiamo {inf} {noun} {time}.
        mamma mia, che bello {inf} {noun2}!
        {opener}, io e {name} abbiamo {part} {noun}.
        ti ricordi dov'era {noun}?
        {time} mio nonno ha {part} {noun} e {noun2}.
        nessuno sapeva che {name} aveva {part} {noun2}.
        """,
        {
            "name": "Paolo|Emma|Fabio|Beatrice|Bruno|Viola|Giulio|Sofia|Tommaso|Valentina|Umberto|Pamela",
            "noun": "la barca|il film|il libro blu|la piazza|la mappa|il ponte|l'uovo|la finestra|il museo|la foto|il fiume|la mela|il pomodoro",
            "noun2": "la zuppa|il bosco|il vino|la bambola|un ombrello|la festa|il cavallo|la luna|la bocca|il gelato",
            "part": "comprato|mosso|trovato|aperto|dipinto|dimenticato|preparato|provato|portato|perso|visto",
            "inf": "comprare|muovere|trovare|aprire|dipingere|dimenticare|preparare|provare|portare|buttare|vedere",
            "adj": "grande|importante|interessante|enorme|elegante|fragile|incredibile|speciale|vivace|notevole",
            "adj2": "semplice|breve|felice|forte|debole|triste|gentile|sottile|amabile|verde",
            "time": "stamattina|a febbraio|di pomeriggio|ogni giovedì|alle nove|per tutta l'estate|prima di pranzo",
            "opener": "davvero|certo|forse|a proposito|sai|in effetti|insomma|beh",
        },
    ),
    "pt": (
        """
        {name} {past} {noun} {time}.
        por que {name} quer {inf} {noun}?
        você pode {inf} {noun2}, por favor?
        {noun} é excelente, mas {noun2} é melhor.
        acho que vamos {inf} {noun} {time}.
        nossa, que bom {inf} {noun2}!
        {opener}, {name} também {past} {noun}.
        lembra onde estava {noun}?
        {time}, minha avó {past} {noun} e {noun2}.
        ninguém sabia que {name} {past} {noun2}.
        """,
        {
            "name": "Paulo|Ema|Fábio|Beatriz|Bruno|Mafalda|Júlio|Sofia|Tomás|Vitória|Humberto|João",
            "noun": "o barco|o filme|o livro azul|a praça|o mapa|a ponte|o ovo|a janela|o museu|a foto|o pão|a maçã|o cobertor",
            "noun2": "a sopa|o bosque|o vinho|a boneca|um guarda-chuva|a festa|o cavalo|a lua|a boca|o bolo",
            "past": "comprou|moveu|encontrou|abriu|pintou|esqueceu|preparou|provou|levou|perdeu|viu",
            "inf": "comprar|mover|encontrar|abrir|pintar|esquecer|preparar|provar|levar|procurar|ver",
            "time": "hoje de manhã|em fevereiro|à noite|na quinta-feira|às nove|o verão todo|depois do almoço",
            "opener": "na verdade|claro|talvez|aliás|olha|sabe|enfim|pois é",
        },
    ),
    "nl": (
        """
        {name} heeft {time} {noun} {part}.
        waarom wil {name} {noun} {inf}?
        kun je alsjeblieft {noun2} {inf}?
        {noun} is heel {adj}, maar {noun2} is {adj2}.
        ik denk dat we {noun} {time} moeten {inf}.
        o, wat is {noun2} toch {adj}!
        {opener}, {name} en ik hebben {noun} {part}.
        weet je nog waar {noun} was?
        misschien kunnen we {noun2} samen {inf}.
        {time} heb ik {noun} en {noun2} {part}.
        """,
        {
            "name": "Bram|Emma|Pim|Femke|Ruud|Mieke|Thomas|Floor|Huub|Vera|Joop|Babette",
            "noun": "de boot|de bloem|het boek|de brug|de maan|het museum|de deur|de molen|de foto|de appelboom|het huis|de muur",
            "noun2": "de soep|de rivier|de fiets|de vogel|het hemd|de lepel|de peper|het schip|de uil|het vuur",
            "part": "gevonden|verplaatst|gekocht|vergeten|gebouwd|geproefd|gemist|geopend|gewassen|beschreven|meegenomen",
            "inf": "vinden|verplaatsen|kopen|vergeten|bouwen|proeven|openen|wassen|meenemen|beschrijven|poetsen",
            "adj": "mooi|blauw|vreselijk|warm|boos|groot|prima|moe|wonderlijk|kapot|vol",
            "adj2": "bruin|modern|open|bitter|zoet|goedkoop|zacht|fabelachtig|duur",
            "time": "vanmorgen|om vijf uur|in februari|gisteravond|elke morgen|in de zomer",
            "opener": "trouwens|eerlijk gezegd|natuurlijk|nou ja|kom op|pas op|vermoedelijk|tja",
        },
    ),
}
