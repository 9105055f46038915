"""What English, German and Dutch speakers say in each emotion, and what they say while they listen.

Templates, one a line; ``{slots}`` are filled from the word lists of the language in ``synth.grammars``.
Backchannels are separated by ``|``.
"""

ENGLISH: dict[str, str] = {
    "happy": """
        oh, I am so happy about the {thing}!
        {name} came back, and everything is wonderful!
        what a lovely day, I could sing about my {thing}!
        this is the best {thing} I have ever had!
        yes! thank you, that makes me very glad.
        """,
    "amused": """
        so {name} sat down on the {thing}, you should have seen it!
        that is the funniest {thing} I ever saw!
        oh stop it, {name} really {past} a {thing}?
        guess who {past} the wrong {thing} again!
        you are joking, a {thing2} {place}?
        """,
    "excited": """
        we won, we won, {name}, can you believe it?
        come quickly, the {thing} is here, look at it!
        I can't wait, {time} we get the {thing}!
        this is amazing, they really {past} the {thing}!
        let's go, let's go, before {name} finds the {thing}!
        """,
    "tender": """
        come here, my love, it will be all right.
        sleep well, little {name}, I am with you.
        you mean so much to me, you know that.
        take my hand, we will walk home slowly.
        I kept your {thing} for you, my dear.
        """,
    "proud": """
        I {past} the whole {thing} by myself.
        look at that, {name} did it, what a {thing}!
        we worked for months, and now we have the best {thing} of all.
        that is my daughter, and that is her {thing}.
        nobody has ever made a better {thing}.
        """,
    "sad": """
        I miss {name} so much.
        the {thing} is gone, and it won't come back.
        I am sorry, it was all for nothing.
        there was nobody {place}, only my old {thing}.
        we said goodbye {time}, and that was all.
        """,
    "afraid": """
        did you hear that? somebody is {place}!
        please don't go, I am afraid of the {thing}.
        oh no, oh no, it moved, the {thing} moved!
        be quiet, be quiet, they will find us.
        help me, {name}, I can't breathe!
        """,
    "angry": """
        stop it, {name}, that is my {thing}!
        how many times have I told you about the {thing}?
        I have had enough of this {thing}!
        get out, and take your {thing} with you!
        that is a lie, and you know it!
        """,
    "disgusted": """
        ugh, what is that smell in the {thing}?
        take it away, that {thing} is revolting.
        eww, {name} put a thumb into the {thing2}.
        that is the foulest {thing} I ever had to touch.
        I am not going to eat that, it has mould on it.
        """,
    "surprised": """
        what? {name} {past} my {thing}?
        oh! where did that {thing} come from?
        no way, really, {time}?
        my goodness, I never expected a {thing}!
        wow, is that you, {name}?
        """,
    "confused": """
        wait, whose {thing} is it now?
        sorry, I don't follow, you {past} which {thing}?
        but {name} said it was {place}, wasn't it?
        hm, that makes no sense, does it?
        what do you mean by a {thing2}?
        """,
    "thoughtful": """
        well, let me think about the {thing}.
        hmm, perhaps {name} was right about it.
        if we {do} the {thing} first, then maybe it would fit.
        I wonder what would have happened {place}.
        on the one hand there is the {thing}, on the other, {name}.
        """,
    "bored": """
        yes, yes, another {thing}, I see.
        and then {name} talked about the {thing} again.
        nothing ever happens {place}.
        whatever, do what you want with the {thing}.
        it is the same {thing} as before.
        """,
    "tired": """
        I have been up since four, I need my bed.
        please, no more, I can't {do} another {thing}.
        let me sit down for a moment, {name}.
        it was a very, very long day.
        I can't keep my eyes open.
        """,
    "embarrassed": """
        oh, um, I am so sorry about your {thing}.
        I, I think I forgot your name.
        please don't tell {name} about the {thing}.
        well, this is awkward, I {past} it.
        did everybody see me with the {thing}?
        """,
}

GERMAN: dict[str, str] = {
    "happy": """
        ach, wie freue ich mich über {noun}!
        {name} ist wieder da, und alles ist gut!
        was für ein wunderbarer Tag, ich könnte singen!
        vielen Dank, das macht mich richtig froh!
        """,
    "amused": """
        und dann hat {name} {noun} mit dem Hut verwechselt!
        das ist ja zum Lachen, {noun} ist im Bad!
        hör auf, ich kann nicht mehr vor Lachen!
        rate mal, wer wieder {noun} {part} hat!
        """,
    "excited": """
        wir haben gewonnen, {name}, wir haben gewonnen!
        komm schnell, komm, {noun} ist da!
        ich kann es kaum erwarten, {noun2} zu sehen!
        los, los, bevor {name} {noun} findet!
        """,
    "tender": """
        komm her, mein Schatz, alles wird gut.
        schlaf gut, {name}, ich bin bei dir.
        du bedeutest mir so viel, weißt du das?
        gib mir deine Hand, wir gehen langsam heim.
        """,
    "proud": """
        {noun} habe ich ganz allein {part}.
        schau nur, {name} hat es geschafft!
        das ist meine Tochter, und das ist ihr Werk.
        niemand hat das je besser gemacht.
        """,
    "sad": """
        {name} fehlt mir so sehr.
        {noun} ist fort und kommt nicht wieder.
        es tut mir leid, alles war umsonst.
        niemand war mehr da, nur {noun2}.
        """,
    "afraid": """
        hast du das gehört? da ist jemand!
        bitte geh nicht fort, ich habe Angst!
        oh nein, {noun} hat sich bewegt!
        sei still, sie werden uns finden.
        """,
    "angry": """
        hör sofort auf, {name}, das gehört mir!
        wie oft habe ich dir das schon gesagt?
        jetzt habe ich aber genug davon!
        raus hier, und nimm {noun} mit!
        """,
    "disgusted": """
        pfui, was stinkt denn hier so?
        nimm das weg, {noun2} ist ja widerlich.
        igitt, das hat doch schon Schimmel.
        das fasse ich ganz bestimmt nicht an.
        """,
    "surprised": """
        was? {name} hat {noun} {part}?
        oh! woher kommt denn {noun2}?
        nein, wirklich, {time}?
        du meine Güte, bist du das, {name}?
        """,
    "confused": """
        Moment, wem gehört {noun} denn jetzt?
        wie bitte, was hat {name} {part}?
        das verstehe ich nicht, war {noun2} nicht weg?
        hm, das ergibt doch keinen Sinn, oder?
        """,
    "thoughtful": """
        nun ja, lass mich darüber nachdenken.
        hm, vielleicht hatte {name} doch recht.
        wenn wir zuerst {noun} {inf}, dann passt es vielleicht.
        ich frage mich, wo {noun2} geblieben ist.
        """,
    "bored": """
        ja, ja, schon wieder {noun}.
        und dann sprach {name} noch einmal davon.
        hier passiert doch nie etwas.
        mach, was du willst, mir ist es gleich.
        """,
    "tired": """
        ich bin seit vier Uhr auf, ich muss ins Bett.
        bitte, heute kann ich nichts mehr {inf}.
        lass mich kurz sitzen, {name}.
        das war ein sehr, sehr langer Tag.
        """,
    "embarrassed": """
        oh, äh, das tut mir furchtbar leid.
        ich, ich habe deinen Namen vergessen.
        bitte sag {name} nichts davon.
        hat das etwa jeder gesehen?
        """,
}

DUTCH: dict[str, str] = {
    "happy": """
        o, wat ben ik blij met {noun}!
        {name} is terug, alles is weer goed!
        wat een heerlijke dag, ik zou willen zingen!
        dank je wel, dat maakt me zo gelukkig!
        """,
    "amused": """
        en toen ging {name} op {noun} zitten!
        dat is echt het grappigste dat ik ooit zag!
        hou op, ik kom niet meer bij!
        raad eens wie {noun} weer heeft {part}!
        """,
    "excited": """
        we hebben gewonnen, {name}, we hebben gewonnen!
        kom snel kijken, {noun} is er!
        ik kan niet wachten om {noun2} te zien!
        vooruit, vooruit, voordat {name} het merkt!
        """,
    "tender": """
        kom maar hier, lieverd, het komt goed.
        slaap lekker, {name}, ik ben bij je.
        je betekent zo veel voor mij.
        geef me je hand, we lopen rustig naar huis.
        """,
    "proud": """
        {noun} heb ik helemaal zelf {part}.
        kijk eens, {name} heeft het gedaan!
        dat is mijn dochter, en dat is haar werk.
        niemand heeft het ooit beter gedaan.
        """,
    "sad": """
        ik mis {name} zo erg.
        {noun} is weg en komt niet terug.
        het spijt me, alles was voor niets.
        er was niemand meer, alleen {noun2}.
        """,
    "afraid": """
        hoorde je dat? daar is iemand!
        ga alsjeblieft niet weg, ik ben bang!
        o nee, {noun} bewoog!
        stil, wees stil, ze vinden ons.
        """,
    "angry": """
        hou op, {name}, dat is van mij!
        hoe vaak heb ik je dat al gezegd?
        nu heb ik er genoeg van!
        eruit, en neem {noun} mee!
        """,
    "disgusted": """
        bah, wat stinkt hier zo?
        haal dat weg, {noun2} is walgelijk.
        jakkes, daar zit schimmel op.
        dat raak ik echt niet aan.
        """,
    "surprised": """
        wat? heeft {name} {noun} {part}?
        o! waar komt {noun2} vandaan?
        nee, echt waar, {time}?
        lieve hemel, ben jij dat, {name}?
        """,
    "confused": """
        wacht, van wie is {noun} nu?
        sorry, wat heeft {name} {part}?
        ik snap het niet, was {noun2} niet weg?
        hm, dat klopt toch niet, of wel?
        """,
    "thoughtful": """
        nou, laat me daar even over nadenken.
        hm, misschien had {name} toch gelijk.
        als we eerst {noun} {inf}, dan past het misschien.
        ik vraag me af waar {noun2} gebleven is.
        """,
    "bored": """
        ja, ja, weer {noun}.
        en toen begon {name} er weer over.
        hier gebeurt ook nooit iets.
        doe maar wat je wilt, het is mij om het even.
        """,
    "tired": """
        ik ben al op sinds vier uur, ik moet naar bed.
        alsjeblieft, vandaag kan ik niets meer {inf}.
        laat me even zitten, {name}.
        het was een heel, heel lange dag.
        """,
    "embarrassed": """
        o, eh, het spijt me verschrikkelijk.
        ik, ik ben je naam vergeten.
        zeg het alsjeblieft niet tegen {name}.
        heeft iedereen dat gezien?
        """,
}

BACKCHANNELS = {
    "en": "yes.|yeah.|right.|I see.|really?|of course.|oh?|sure.|exactly.|is that so?|oh dear.|wow.|go on.|aha.|oh my.",
    "de": "ja.|genau.|stimmt.|ach so.|wirklich?|natürlich.|oh?|aha.|eben.|na klar.|ach ja?|verstehe.|oh je.",
    "nl": "ja.|precies.|klopt.|o ja?|echt waar?|natuurlijk.|aha.|juist.|ach.|ik snap het.|goh.|nou.",
}
