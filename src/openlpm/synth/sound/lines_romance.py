"""What French, Spanish, Italian and Portuguese speakers say in each emotion, and what they say while they listen.

The form is that of ``synth.lines_germanic``. No line depends on whether a man or a woman says it.
"""

FRENCH: dict[str, str] = {
    "happy": """
        oh, quelle joie, voilà {noun}!
        {name} est de retour, tout va bien!
        quelle belle journée, j'ai envie de chanter!
        merci beaucoup, ça me fait tellement plaisir!
        """,
    "amused": """
        et puis {name} a mis {noun} dans le frigo!
        c'est vraiment la chose la plus drôle du monde!
        arrête, je n'en peux plus de rire!
        devine qui a encore {part} {noun2}!
        """,
    "excited": """
        on a gagné, {name}, on a gagné!
        viens vite, viens voir {noun}!
        vivement demain, on va {inf} {noun2}!
        allez, allez, avant que {name} arrive!
        """,
    "tender": """
        viens ici, mon amour, tout ira bien.
        dors bien, {name}, je suis avec toi.
        tu comptes tellement pour moi, tu sais.
        donne-moi la main, rentrons doucement.
        """,
    "proud": """
        voilà, moi-même, j'ai {part} {noun}.
        regarde, {name} a réussi, bravo!
        c'est ma fille, et voilà son œuvre.
        personne ne l'a jamais mieux fait.
        """,
    "sad": """
        {name} me manque tellement.
        {noun} n'est plus là et ne reviendra pas.
        pardonne-moi, tout cela pour rien.
        il n'y avait plus personne, seulement {noun2}.
        """,
    "afraid": """
        tu as entendu? il y a quelqu'un!
        s'il te plaît, ne pars pas, j'ai peur!
        oh non, {noun} a bougé!
        chut, tais-toi, ils vont nous trouver.
        """,
    "angry": """
        arrête, {name}, c'est à moi!
        combien de fois faut-il que je le dise?
        maintenant, ça suffit vraiment!
        va-t'en, et prends {noun} avec toi!
        """,
    "disgusted": """
        berk, qu'est-ce qui sent si mauvais?
        enlève ça, {noun2} me dégoûte.
        pouah, il y a de la moisissure dessus.
        je ne touche pas à ça, c'est immonde.
        """,
    "surprised": """
        quoi? {name} a {part} {noun}?
        oh! mais d'où vient {noun2}?
        non, vraiment, {time}?
        ça alors, c'est toi, {name}?
        """,
    "confused": """
        attends, à qui est {noun} maintenant?
        pardon, {name} a {part} quoi?
        je ne comprends pas, où est donc {noun2}?
        hum, ça n'a pas de sens, si?
        """,
    "thoughtful": """
        eh bien, laisse-moi y penser.
        hum, peut-être que {name} avait raison.
        si on pouvait {inf} {noun} d'abord, ça irait peut-être.
        je me demande où est {noun2}.
        """,
    "bored": """
        oui, oui, encore {noun}.
        et puis {name} en a reparlé.
        il ne se passe jamais rien ici.
        fais ce que tu veux, ça m'est égal.
        """,
    "tired": """
        debout depuis quatre heures, il me faut mon lit.
        pitié, je ne peux plus rien {inf} aujourd'hui.
        laisse-moi m'asseoir un moment, {name}.
        la journée a été très, très longue.
        """,
    "embarrassed": """
        oh, euh, je te demande pardon.
        je, je ne sais plus ton nom.
        s'il te plaît, ne dis rien à {name}.
        est-ce que tout le monde a vu ça?
        """,
}

SPANISH: dict[str, str] = {
    "happy": """
        ¡ay, qué alegría me da {noun}!
        ¡{name} ha vuelto, todo va bien!
        ¡qué día tan bonito, quiero cantar!
        ¡muchas gracias, me hace muy feliz!
        """,
    "amused": """
        ¡y entonces {name} {past} {noun} en pijama!
        ¡es lo más gracioso que he visto!
        ¡para, que me muero de risa!
        ¡adivina quién {past} otra vez {noun2}!
        """,
    "excited": """
        ¡hemos ganado, {name}, hemos ganado!
        ¡ven rápido, ven a ver {noun}!
        ¡no puedo esperar más, vamos a {inf} {noun2}!
        ¡vamos, vamos, antes de que venga {name}!
        """,
    "tender": """
        ven aquí, mi amor, todo va a ir bien.
        duerme bien, {name}, yo me quedo contigo.
        significas mucho para mí, ya lo sabes.
        dame la mano, volvemos despacio a casa.
        """,
    "proud": """
        con mis propias manos pude {inf} {noun}.
        mira, {name} lo ha conseguido, ¡bravo!
        es mi hija, y esa es su obra.
        nadie lo ha hecho nunca mejor.
        """,
    "sad": """
        echo mucho de menos a {name}.
        {noun} ya no está y no va a volver.
        lo siento, todo fue para nada.
        ya no había nadie, solo {noun2}.
        """,
    "afraid": """
        ¿has oído eso? ¡hay alguien ahí!
        ¡por favor, no te vayas, tengo miedo!
        ¡ay no, se ha movido {noun}!
        silencio, silencio, nos van a encontrar.
        """,
    "angry": """
        ¡basta, {name}, eso es mío!
        ¿cuántas veces te lo tengo que decir?
        ¡ya no aguanto más, se acabó!
        ¡fuera de aquí, y llévate {noun}!
        """,
    "disgusted": """
        puaj, ¿qué es lo que huele tan mal?
        quita eso, me da asco {noun2}.
        qué asco, eso tiene moho por encima.
        yo eso no lo toco, es repugnante.
        """,
    "surprised": """
        ¿cómo? ¿{name} {past} {noun}?
        ¡oh! ¿de dónde ha salido {noun2}?
        ¡no! ¿de verdad, {time}?
        ¡madre mía! ¿eres tú, {name}?
        """,
    "confused": """
        espera, ¿de quién es {noun} ahora?
        perdona, ¿qué dices que {past} {name}?
        no entiendo, ¿no estaba aquí {noun2}?
        hum, eso no tiene sentido, ¿verdad?
        """,
    "thoughtful": """
        bueno, déjame pensarlo un poco.
        hum, quizás {name} tenía razón.
        si primero podemos {inf} {noun}, a lo mejor vale.
        me pregunto dónde estará {noun2}.
        """,
    "bored": """
        sí, sí, otra vez {noun}.
        y luego {name} volvió a hablar de eso.
        aquí nunca pasa nada.
        haz lo que quieras, me da igual.
        """,
    "tired": """
        me levanté a las cuatro, necesito mi cama.
        por favor, hoy no puedo {inf} nada más.
        déjame descansar un momento, {name}.
        ha sido un día muy, muy largo.
        """,
    "embarrassed": """
        ay, eh, perdona, lo siento muchísimo.
        es que, es que no sé tu nombre.
        por favor, no le digas nada a {name}.
        ¿me ha visto todo el mundo?
        """,
}

ITALIAN: dict[str, str] = {
    "happy": """
        oh, che gioia, ecco {noun}!
        {name} è qui di nuovo, va tutto bene!
        che bella giornata, ho voglia di cantare!
        grazie mille, mi fa davvero felice!
        """,
    "amused": """
        e poi {name} ha {part} {noun} in pigiama!
        è la cosa più buffa del mondo!
        basta, non ce la faccio più dal ridere!
        indovina chi ha {part} di nuovo {noun2}!
        """,
    "excited": """
        abbiamo vinto, {name}, abbiamo vinto!
        vieni presto, vieni a vedere {noun}!
        non vedo l'ora di {inf} {noun2}!
        forza, forza, prima che arrivi {name}!
        """,
    "tender": """
        vieni qui, amore mio, andrà tutto bene.
        dormi bene, {name}, io sono con te.
        sei molto importante per me, lo sai.
        dammi la mano, torniamo piano a casa.
        """,
    "proud": """
        ecco, con le mie mani, ho {part} {noun}.
        guarda, {name} ce l'ha fatta, bravissimi!
        è mia figlia, e questa è la sua opera.
        nessuno l'ha mai fatto meglio.
        """,
    "sad": """
        mi manca tanto {name}.
        {noun} non c'è più e non tornerà.
        mi dispiace, è stato tutto per niente.
        non c'era più nessuno, solo {noun2}.
        """,
    "afraid": """
        hai sentito? c'è qualcuno!
        ti prego, non andare via, ho paura!
        oh no, si è mosso qualcosa vicino a me!
        zitti, zitti, ci troveranno.
        """,
    "angry": """
        smettila, {name}, questo è mio!
        quante volte te lo devo dire?
        adesso basta, non ne posso più!
        fuori di qui, e prendi {noun}!
        """,
    "disgusted": """
        puah, che cos'è questo odore?
        porta via questa roba, mi fa schifo {noun2}.
        bleah, c'è la muffa sopra.
        io questo non lo tocco, è disgustoso.
        """,
    "surprised": """
        cosa? {name} ha {part} {noun}?
        oh! ma da dove viene {noun2}?
        no, davvero, {time}?
        accidenti, sei tu, {name}?
        """,
    "confused": """
        aspetta, di chi è {noun} adesso?
        scusa, cosa ha {part} {name}?
        non capisco, dov'è allora {noun2}?
        mah, non ha senso, vero?
        """,
    "thoughtful": """
        beh, fammi pensare un momento.
        mah, forse {name} aveva ragione.
        se prima possiamo {inf} {noun}, forse va bene.
        mi chiedo dove sia {noun2}.
        """,
    "bored": """
        sì, sì, di nuovo {noun}.
        e poi {name} ne ha parlato ancora.
        qui non succede mai niente.
        fai come vuoi, per me è uguale.
        """,
    "tired": """
        in piedi dalle quattro, mi serve il letto.
        ti prego, oggi non posso {inf} più niente.
        fammi sedere un momento, {name}.
        è stata una giornata molto, molto lunga.
        """,
    "embarrassed": """
        oh, ehm, ti chiedo tanto scusa.
        è che, è che non ricordo il tuo nome.
        ti prego, non dire niente a {name}.
        mi hanno visto proprio tutti?
        """,
}

PORTUGUESE: dict[str, str] = {
    "happy": """
        ai, que alegria, olha {noun}!
        {name} voltou, está tudo bem!
        que dia lindo, quero cantar!
        que bom, isso me deixa muito feliz!
        """,
    "amused": """
        e então {name} {past} {noun} de pijama!
        é a coisa mais engraçada do mundo!
        para, que eu morro de rir!
        adivinha quem {past} outra vez {noun2}!
        """,
    "excited": """
        ganhamos, {name}, ganhamos!
        vem depressa, vem ver {noun}!
        mal posso esperar para {inf} {noun2}!
        vamos, vamos, antes que chegue {name}!
        """,
    "tender": """
        vem cá, meu amor, vai ficar tudo bem.
        dorme bem, {name}, eu fico com você.
        você é tão importante para mim.
        me dá a mão, vamos devagar para casa.
        """,
    "proud": """
        eu fiz tudo, com as minhas mãos.
        olha, {name} conseguiu, que beleza!
        é a minha filha, e essa é a obra dela.
        ninguém fez isso melhor.
        """,
    "sad": """
        tenho tanta saudade de {name}.
        {noun} já não está e não vai voltar.
        sinto muito, foi tudo por nada.
        já não havia ninguém, só {noun2}.
        """,
    "afraid": """
        você ouviu isso? tem alguém aí!
        por favor, não vai embora, tenho medo!
        ai não, alguma coisa se mexeu!
        silêncio, silêncio, vão nos achar.
        """,
    "angry": """
        para com isso, {name}, isso é meu!
        quantas vezes tenho que dizer?
        agora chega, não aguento mais!
        fora daqui, e leva {noun}!
        """,
    "disgusted": """
        eca, que cheiro é esse?
        tira isso daqui, que nojo {noun2}.
        credo, isso tem mofo em cima.
        eu não toco nisso, é nojento.
        """,
    "surprised": """
        o quê? {name} {past} {noun}?
        oh! de onde veio {noun2}?
        não, é mesmo, {time}?
        nossa, é você, {name}?
        """,
    "confused": """
        espera, de quem é {noun} agora?
        desculpa, o que {name} {past}?
        não entendo, onde está {noun2}?
        hum, isso não faz sentido, faz?
        """,
    "thoughtful": """
        bem, deixa eu pensar nisso.
        hum, talvez {name} tivesse razão.
        se a gente puder {inf} {noun} antes, talvez dê certo.
        eu me pergunto onde está {noun2}.
        """,
    "bored": """
        sim, sim, de novo {noun}.
        e depois {name} falou disso outra vez.
        aqui nunca acontece nada.
        faz o que quiser, para mim tanto faz.
        """,
    "tired": """
        de pé desde as quatro, preciso da minha cama.
        por favor, hoje não consigo {inf} mais nada.
        me deixa sentar um pouco, {name}.
        foi um dia muito, muito longo.
        """,
    "embarrassed": """
        ai, é, me desculpa mesmo.
        eu, eu esqueci o seu nome.
        por favor, não conta nada para {name}.
        será que todo mundo viu isso?
        """,
}

BACKCHANNELS = {
    "fr": "oui.|d'accord.|ah bon?|bien sûr.|je vois.|vraiment?|exactement.|tout à fait.|ah oui.|mais non!|voilà.",
    "es": "sí.|claro.|ya veo.|¿de verdad?|exacto.|ah, ¿sí?|por supuesto.|vaya.|eso es.|ajá.|entiendo.",
    "it": "sì.|certo.|capisco.|davvero?|esatto.|ah sì?|ma dai!|giusto.|ecco.|va bene.|figurati.",
    "pt": "sim.|claro.|entendi.|é mesmo?|exato.|ah é?|pois é.|nossa.|certo.|com certeza.",
}
